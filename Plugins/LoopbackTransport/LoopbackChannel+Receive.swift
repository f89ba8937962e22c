import CHandfast
import Glibc

// Hot path.
@c(handfast_loopback_poll) func loopbackPoll(_ state: UnsafeMutableRawPointer?) -> UInt32 {
    let transport = unsafe state!.assumingMemoryBound(to: LoopbackState.self)
    unsafe transport.pointee.readBudget = LoopbackState.readByteLimit
    guard unsafe transport.pointee.firstReady != nil || !transport.pointee.reads.isEmpty else { return 0 }
    return unsafe serveAll(transport)
}

// Hot path.
/// Apart, because a poll that finds nothing shall not pay for it.
@inline(never)
private func serveAll(_ transport: UnsafeMutablePointer<LoopbackState>) -> UInt32 {
    unsafe transport.pointee.isPolling = true
    unsafe transport.pointee.round &+= 1
    var count = unsafe continueReads(transport)
    // What becomes ready during this poll waits for the next one.
    while let channel = unsafe transport.pointee.firstReady,
        unsafe channel.pointee.readyRound != transport.pointee.round
    {
        unsafe transport.pointee.removeReady(channel)
        unsafe serve(channel)
        count += 1
    }
    unsafe transport.pointee.isPolling = false
    while let channel = unsafe transport.pointee.finished {
        unsafe transport.pointee.finished = channel.pointee.nextFinished
        unsafe LoopbackChannel.destroyPair(channel)
    }
    return count
}

@c(handfast_loopback_arm) func loopbackArm(_ state: UnsafeMutableRawPointer?) -> Int32 {
    let transport = unsafe state!.assumingMemoryBound(to: LoopbackState.self)
    return unsafe transport.pointee.firstReady != nil || !transport.pointee.reads.isEmpty ? 1 : 0
}

@c(handfast_loopback_resume) func loopbackResume(_ state: UnsafeMutableRawPointer?) {
    let channel = unsafe state!.assumingMemoryBound(to: LoopbackChannel.self)
    guard unsafe channel.pointee.inbound == .held else { return }
    unsafe channel.pointee.inbound = .flowing
    unsafe LoopbackChannel.notice(channel)
}

// Hot path.
/// Everything that one channel has for its engine. Each call to the engine may close this or any other channel.
private func serve(_ channel: LoopbackChannel.Pointer) {
    if unsafe channel.pointee.outbound == .owesRoom, let user = unsafe channel.pointee.user {
        // The engine may have used the room up, without a short send, since it was found.
        let hasRoom = unsafe channel.pointee.peer.pointee.inbox.room > 0
        unsafe channel.pointee.outbound = hasRoom ? .free : .full
        if hasRoom, unsafe !channel.pointee.peer.pointee.isOver { unsafe user.engine.pointee.writable(user.connection) }
    }
    unsafe receive(channel)
    guard let user = unsafe channel.pointee.user else { return }
    let isDone = unsafe channel.pointee.inbox.count == 0 && channel.pointee.readCount == 0
    guard unsafe channel.pointee.inbound == .flowing, unsafe channel.pointee.peer.pointee.isOver, isDone else {
        return unsafe LoopbackChannel.notice(channel)
    }
    unsafe channel.pointee.inbound = .ended
    switch unsafe channel.pointee.peer.pointee.phase {
    case .abandoned: unsafe user.engine.pointee.closed(user.connection, ECONNRESET)
    case .agreed, .open, .closed: unsafe user.engine.pointee.closed(user.connection, 0)
    }
}

// Hot path.
/// Hands over what was there at the beginning: what is sent meanwhile must not keep others waiting.
private func receive(_ channel: LoopbackChannel.Pointer) {
    var left = unsafe channel.pointee.inbox.count
    while left > 0, unsafe channel.pointee.inbound == .flowing, let user = unsafe channel.pointee.user {
        var wanted: UInt64 = 0
        let place = unsafe user.engine.pointee.place(user.connection, &wanted)
        guard unsafe channel.pointee.user != nil else { return }
        let run = unsafe channel.pointee.inbox.run
        let count = min(run.count, max(1, Int(clamping: wanted)))
        left -= count
        if let place = unsafe place {
            unsafe place.copyMemory(from: run.baseAddress!, byteCount: count)
            unsafe drop(count, from: channel)
            unsafe user.engine.pointee.placed(user.connection, UInt64(count))
        } else {
            let taken = unsafe user.engine.pointee.deliver(user.connection, run.baseAddress, UInt64(count))
            guard unsafe channel.pointee.user != nil else { return }
            if taken < UInt64(count) { unsafe channel.pointee.inbound = .held }
            unsafe drop(Int(taken), from: channel)
        }
    }
}

// Hot path.
/// Makes room, and lets the sender know when it is worth going on.
private func drop(_ count: Int, from channel: LoopbackChannel.Pointer) {
    unsafe channel.pointee.inbox.drop(count)
    let sender = unsafe channel.pointee.peer
    guard unsafe sender.pointee.outbound == .full, unsafe channel.pointee.inbox.room >= LoopbackRing.byteCount / 2
    else { return }
    unsafe sender.pointee.outbound = .owesRoom
    unsafe LoopbackChannel.notice(sender)
}
