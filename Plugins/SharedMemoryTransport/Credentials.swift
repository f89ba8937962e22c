import CSystem
import Glibc
import TransportAPI

/// Who made the other end of a Unix socket, by the kernel's word.
struct Credentials {
    let uid: UInt32
    /// 0 in another pid namespace.
    let pid: Int32

    init(of socket: borrowing Descriptor) throws(TransportRefusal) {
        var uid: UInt32 = 0
        var pid: Int32 = 0
        let status = unsafe csystem_peer_credentials(socket.number, &uid, &pid)
        guard status == 0 else { throw .system(-status, "cannot learn the peer's user") }
        self.uid = uid
        self.pid = pid
    }

    var isOwnUser: Bool { uid == geteuid() }

    func requireOwnUser() throws(TransportRefusal) {
        guard isOwnUser else {
            throw TransportRefusal(
                .unreachable, "the peer runs as uid \(uid), this process as uid \(geteuid()); run both as one user")
        }
    }
}
