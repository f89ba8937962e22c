import Glibc

// One process of the tests of connects on demand: `OnDemandPeer NAME [PORT]`. Commands come by its input, one a line,
// and each is answered; it ends with its input.
do {
    let arguments = CommandLine.arguments
    let port = arguments.count > 2 ? UInt16(arguments[2]) ?? 0 : 0
    let peer = try DemandingPeer(name: arguments[1], port: port)
    print("address \(peer.address)")
    fflush(nil)
    exit(peer.run() ? 0 : 1)
} catch {
    print("error \(error)")
    exit(1)
}
