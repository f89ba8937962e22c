import Testing

@Suite(.serialized) struct `Memory of another process` {
    @Test(arguments: ["tcp", "shm"]) func `is used by two at once, and nothing is lost`(transport: String) throws {
        let environment = ["HANDFAST_TRANSPORTS": transport]
        let owner = try DemandingProcess("owner", environment)
        let users = [try DemandingProcess("one", environment), try DemandingProcess("two", environment)]
        for process in users + [owner] { try process.readAddress() }
        for user in users { try user.tell("expect \(owner.address)") }
        try owner.tell("expect \(users.map(\.address).joined(separator: " "))")
        let key = try owner.ask("share 9000000", "key")
        for (index, user) in users.enumerated() {
            user.begin("use owner \(key) \(8 + 4_000_000 * index) \(4_000_000 - index) 3000")
        }
        for user in users { try user.answered() }
        #expect(try owner.ask("look", "count") == "6000")
        for process in users + [owner] { #expect(try process.finish() == 0) }
    }

    @Test(arguments: ["tcp", "shm"]) func `is gone with it, which who uses it is told`(transport: String) throws {
        let environment = ["HANDFAST_TRANSPORTS": transport]
        let (owner, user) = (try DemandingProcess("owner", environment), try DemandingProcess("user", environment))
        for process in [owner, user] { try process.readAddress() }
        try user.tell("expect \(owner.address)")
        try owner.tell("expect \(user.address)")
        let key = try owner.ask("share 9000000", "key")
        try user.tell("use owner \(key) 8 1000 1")
        user.begin("use owner \(key) 8 8000000 100000")
        owner.kill()
        #expect(!(try user.ask("look", "error")).isEmpty)
    }
}
