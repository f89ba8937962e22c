import DefaultTransports
import Handfast

// An endpoint that talks to itself; in earnest the two sides are processes. `run` takes this thread and drives the
// endpoint on it; the tasks of the actor run here too, one at a time, and wait without blocking each other.
let endpoint = try Endpoint(name: "rank0")
let address = try endpoint.listen(on: IPAddress("127.0.0.1"))

try EndpointActor.run(endpoint) { actor in
    // Answers every message until the endpoint is closed.
    let server = actor.start { actor in
        for await message in actor.endpoint.messages where message.header == [1] {
            try await message.connection.send(bytes: message.payload.reversed(), header: [2])
            break
        }
    }
    let connection = try await actor.endpoint.connected(to: address, timeout: .seconds(5))
    try await connection.send(bytes: Array("hello".utf8), header: [1])
    try await server.value
    let answer = try await actor.endpoint.message(timeout: .seconds(5))
    print("answered \"\(String(decoding: answer.payload, as: UTF8.self))\"")
    connection.close()
}
