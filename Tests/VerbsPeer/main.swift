import Glibc

// Another process of the tests of verbs: `VerbsPeer NAME ADDRESS`. Commands come by its input, see `CommandedPeer`; it ends
// with its input. With PEER_LOCKED_BYTES it becomes a user without rights that may lock so much memory.
if let text = getenv("PEER_LOCKED_BYTES").map({ String(cString: $0) }) {
    let count = rlim_t(text)!
    var limit = rlimit(rlim_cur: count, rlim_max: count)
    guard setrlimit(__rlimit_resource_t(8), &limit) == 0, setgid(65534) == 0, setuid(65534) == 0 else {
        print("error errno \(errno)")
        exit(1)
    }
}
do {
    try CommandedPeer(name: CommandLine.arguments[1], host: CommandLine.arguments[2]).run()
} catch {
    print("error \(error)")
    exit(1)
}
