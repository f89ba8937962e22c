import DefaultTransports
import Handfast

// Two endpoints. In earnest each is in a process of its own, and `address.description` goes from one to the other.
let server = try Endpoint(name: "rank0")
let client = try Endpoint(name: "rank1")

// Nothing moves but in `progress` and `wait`. Here one thread drives both, so neither may wait for the other.
@MainActor func drive(until isDone: () -> Bool) {
    while !isDone() {
        server.progress()
        client.progress()
    }
}

let address = try server.listen(on: IPAddress("127.0.0.1"))
let toServer = try client.connect(to: address)
drive { toServer.state != .connecting }
print("connected to \(address.name ?? "?") over \(toServer.transport ?? "nothing: \(toServer.decisions)")")

// The receiver takes the first message whose user header carries the tag 7, whatever comes before it.
let room = UnsafeMutableRawBufferPointer.allocate(byteCount: 64, alignment: 8)
let receive = try server.receive(into: room) { header, _ in
    header.count == 4 && header.loadUnaligned(as: UInt32.self) == 7
}

// Payload and header stay as they are until the request is complete.
let payload = UnsafeMutableRawBufferPointer.allocate(byteCount: 5, alignment: 8)
payload.copyBytes(from: "hello".utf8)
let tag = UnsafeMutableRawBufferPointer.allocate(byteCount: 4, alignment: 4)
tag.storeBytes(of: 7, as: UInt32.self)
let send = try toServer.send(UnsafeRawBufferPointer(payload), header: UnsafeRawBufferPointer(tag))
drive { send.isComplete && receive.isComplete }
_ = try send.result()
if let message = try receive.result() {
    let text = String(decoding: room[..<message.byteCount], as: UTF8.self)
    print("received \"\(text)\" from \(message.connection?.peer?.name ?? "?")")
}

// Both sides say goodbye; what was sent before still arrives.
client.close()
server.close()
drive { client.isClosed && server.isClosed }
for memory in [room, payload, tag] { memory.deallocate() }
