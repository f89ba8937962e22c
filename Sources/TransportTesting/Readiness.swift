import Glibc

/// Sleeps until one of the descriptors is readable or the time is over; those below zero are left out.
/// - Returns: true when one is readable.
@discardableResult func sleepUntilReadable(_ descriptors: [Int32], milliseconds: Int32) -> Bool {
    var items = descriptors.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
    return poll(&items, nfds_t(items.count), milliseconds) > 0
}
