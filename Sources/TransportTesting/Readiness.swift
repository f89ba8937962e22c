import Glibc

/// Sleeps until one of the descriptors is readable or the time is over; those below zero are left out.
/// - Returns: true when one is readable.
@discardableResult func sleepUntilReadable(_ descriptors: [Int32], milliseconds: Int32) -> Bool {
    var items = descriptors.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
    return poll(&items, nfds_t(items.count), milliseconds) > 0
}

/// True when the peer of a stream has closed or died; takes no bytes from it.
func hasStreamEnded(_ socket: Int32) -> Bool {
    var byte: UInt8 = 0
    let count = recv(socket, &byte, 1, Int32(MSG_PEEK) | Int32(MSG_DONTWAIT))
    return count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)
}
