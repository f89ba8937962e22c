import CHandfast
import Glibc

/// What a read costs at least, in bytes, so that an engine that reads again from `read_done` comes to an end.
private let leastCost = 4096

/// Copies within the process. The address came from this endpoint's own engine, through this endpoint's own
/// connection, so it is as good as any pointer of the program; what no program can mean is refused.
@c(handfast_loopback_read) func loopbackRead(
    _ state: UnsafeMutableRawPointer?, _ destination: UnsafeMutableRawPointer?, _ source: UInt64, _ byteCount: UInt64,
    _ token: UInt64
) -> Int32 {
    let channel = unsafe state!.assumingMemoryBound(to: LoopbackChannel.self)
    // The memory is the other end's to free once the connection is over.
    guard let user = unsafe channel.pointee.user, unsafe !channel.pointee.peer.pointee.isOver else { return ECONNRESET }
    let end = source.addingReportingOverflow(byteCount)
    guard let destination = unsafe destination, !end.overflow, Int(exactly: end.partialValue) != nil,
        let address = unsafe UnsafeRawPointer(bitPattern: UInt(source))
    else { return EFAULT }
    let transport = unsafe channel.pointee.transport
    let cost = max(leastCost, Int(byteCount))
    guard unsafe transport.pointee.reads.isEmpty, unsafe cost <= transport.pointee.readBudget else {
        unsafe transport.pointee.reads.append(
            LoopbackRead(
                channel: channel, destination: destination, source: address, byteCount: Int(byteCount), token: token))
        return 0
    }
    unsafe transport.pointee.readBudget -= cost
    unsafe memmove(destination, address, Int(byteCount))
    unsafe user.engine.pointee.read_done(user.connection, token, 0)
    return 0
}

/// Goes on with the oldest reads as far as this poll's budget allows.
/// - Returns: how many were worked on.
func continueReads(_ transport: UnsafeMutablePointer<LoopbackState>) -> UInt32 {
    var worked: UInt32 = 0
    while unsafe !transport.pointee.reads.isEmpty, unsafe transport.pointee.readBudget > 0 {
        worked += 1
        let read = unsafe transport.pointee.reads.head
        let channel = unsafe read.pointee.channel
        let isLost = unsafe channel.pointee.peer.pointee.isOver
        if !isLost {
            let count = unsafe min(read.pointee.byteCount, transport.pointee.readBudget)
            unsafe transport.pointee.readBudget -= max(leastCost, count)
            unsafe memmove(read.pointee.destination, read.pointee.source, count)
            unsafe read.pointee.destination += count
            unsafe read.pointee.source += count
            unsafe read.pointee.byteCount -= count
            guard unsafe read.pointee.byteCount == 0 else { return worked }
        }
        let token = unsafe transport.pointee.reads.removeFirst().token
        guard let user = unsafe channel.pointee.user else { continue }
        unsafe user.engine.pointee.read_done(user.connection, token, isLost ? ECONNRESET : 0)
    }
    return worked
}
