import CHandfast
import CVerbs
import Glibc

extension VerbsChannel {
    // Hot path.
    /// Delivers a frame that has bytes of the stream and credits at most, the most usual, when nothing else is to be done.
    @inline(__always)
    static func takeData(_ channel: Pointer, _ buffer: Int32, _ byteCount: Int) -> Bool {
        let start = unsafe channel.pointee.device.pointee.pool.start(of: buffer)
        guard let credits = unsafe Frame.creditsWithData(start, byteCount),
            unsafe channel.pointee.phase == .open && !channel.pointee.isFresh && !channel.pointee.hasPeerEnded,
            unsafe channel.pointee.usable > 0 && channel.pointee.granted >= activeCredits
        else { return false }
        unsafe channel.pointee.usable -= 1
        unsafe takeCredits(channel, credits)
        unsafe deliver(channel, buffer, Frame.byteCount, byteCount)
        return true
    }

    // Hot path.
    private static func takeCredits(_ channel: Pointer, _ count: UInt16) {
        guard count > 0 else { return }
        unsafe channel.pointee.credits = unsafe min(channel.pointee.credits + Int(count), 0xffff)
        // Something may have waited for them.
        if unsafe channel.pointee.owesRoom || channel.pointee.phase != .open { unsafe touch(channel) }
    }

    // Hot path.
    /// A frame has come.
    static func arrive(_ channel: Pointer, _ buffer: Int32, _ byteCount: Int) {
        let device = unsafe channel.pointee.device
        let start = unsafe device.pointee.pool.start(of: buffer)
        guard let frame = unsafe Frame(UnsafeRawBufferPointer(start: start, count: byteCount)),
            unsafe admit(channel, frame)
        else {
            unsafe device.pointee.finished(buffer)
            return unsafe fail(channel, EPROTO, "it broke a rule of the verbs channel")
        }
        unsafe takeCredits(channel, frame.credits)
        if frame.flags.contains(.acknowledgesControl) {
            unsafe channel.pointee.mayControl = true
            unsafe touch(channel)
        }
        if !frame.isPlain, unsafe !learnSlots(channel, frame, start) {
            unsafe device.pointee.finished(buffer)
            return unsafe fail(channel, EPROTO, "it broke a rule of the verbs channel's slots")
        }
        if frame.exposureCount > 0 {
            let list = unsafe UnsafeRawPointer(start) + frame.exposureOffset
            guard unsafe learn(channel, list, Int(frame.exposureCount)) else {
                unsafe device.pointee.finished(buffer)
                return unsafe fail(channel, EPROTO, "it exposed more memory than is allowed")
            }
        }
        if frame.flags.contains(.wantsCredits) { unsafe grant(channel, min(2 * channel.pointee.granted, creditLimit)) }
        if frame.flags.contains(.end) { unsafe channel.pointee.hasPeerEnded = true }
        let hasData = frame.streamByteCount > 0
        switch unsafe channel.pointee.phase {
        case .joining where hasData: unsafe hold(channel, buffer, offset: 0)
        case .open where unsafe hasData && channel.pointee.isFresh: unsafe hold(channel, buffer, offset: 0)
        case .open where frame.bulkByteCount > 0:
            // What is held already waits for the engine to resume.
            let isFirst = unsafe channel.pointee.firstHeld < 0
            unsafe hold(channel, buffer, offset: 0)
            if isFirst { unsafe deliverHeld(channel) }
        case .open where hasData: unsafe deliver(channel, buffer, byteCount - Int(frame.dataByteCount), byteCount)
        default: unsafe finish(channel, buffer, isControl: frame.flags.contains(.control))
        }
        if unsafe channel.pointee.hasPeerEnded { unsafe touch(channel) }
    }

    // Hot path.
    /// Whether the peer was allowed to send it.
    private static func admit(_ channel: Pointer, _ frame: Frame) -> Bool {
        if unsafe channel.pointee.hasPeerEnded { return false }
        guard frame.flags.contains(.control) else {
            unsafe channel.pointee.usable -= 1
            if unsafe channel.pointee.granted < activeCredits { unsafe grant(channel, activeCredits) }
            return unsafe channel.pointee.usable >= 0
        }
        guard unsafe !channel.pointee.owesAcknowledgement, frame.streamByteCount == 0 else { return false }
        unsafe channel.pointee.owesAcknowledgement = true
        return true
    }

    /// Gives the peer more credits, as far as there are buffers.
    private static func grant(_ channel: Pointer, _ wanted: Int) {
        let more = unsafe wanted - channel.pointee.granted
        guard more > 0, unsafe channel.pointee.phase == .open || channel.pointee.phase == .joining,
            unsafe channel.pointee.device.pointee.reserve(more)
        else { return }
        unsafe channel.pointee.granted += more
        unsafe channel.pointee.owed += more
        unsafe touch(channel)
    }

    // Hot path.
    @inline(__always)
    private static func deliver(_ channel: Pointer, _ buffer: Int32, _ from: Int, _ end: Int) {
        guard unsafe channel.pointee.firstHeld < 0 else { return unsafe hold(channel, buffer, offset: 0) }
        let bytes = unsafe channel.pointee.device.pointee.pool.start(of: buffer) + from
        let taken = unsafe channel.pointee.engine!.pointee.deliver(
            channel.pointee.connection, bytes, UInt64(end - from))
        if taken < UInt64(end - from), unsafe channel.pointee.phase == .open {
            return unsafe hold(channel, buffer, offset: Int(taken))
        }
        unsafe finish(channel, buffer, isControl: false)
    }

    // Hot path.
    /// The buffer is free again, and so is its credit.
    @inline(__always)
    private static func finish(_ channel: Pointer, _ buffer: Int32, isControl: Bool) {
        unsafe channel.pointee.device.pointee.finished(buffer)
        guard !isControl, unsafe channel.pointee.phase == .open || channel.pointee.phase == .joining else { return }
        unsafe channel.pointee.owed += 1
        if unsafe mustReturn(channel) { unsafe touch(channel) }
    }

    // Hot path.
    /// Whether the peer may be waiting for what is to be given back.
    static func mustReturn(_ channel: Pointer) -> Bool {
        if unsafe 2 * channel.pointee.owed >= channel.pointee.granted { return true }
        guard let incoming = unsafe channel.pointee.incoming else { return false }
        return unsafe channel.pointee.owesOffer || 2 * incoming.pointee.owed >= BulkSlots.count
    }

    /// - Parameter offset: bytes that are taken; only the first buffer has any.
    private static func hold(_ channel: Pointer, _ buffer: Int32, offset: Int) {
        let next = unsafe channel.pointee.device.pointee.pool.next
        unsafe next[Int(buffer)] = -1
        if unsafe channel.pointee.firstHeld < 0 {
            unsafe channel.pointee.firstHeld = buffer
            unsafe channel.pointee.heldOffset = offset
        } else {
            unsafe next[Int(channel.pointee.lastHeld)] = buffer
        }
        unsafe channel.pointee.lastHeld = buffer
    }

    private static func takeHeld(_ channel: Pointer) -> Int32? {
        let buffer = unsafe channel.pointee.firstHeld
        guard buffer >= 0 else { return nil }
        unsafe channel.pointee.firstHeld = unsafe channel.pointee.device.pointee.pool.next[Int(buffer)]
        unsafe channel.pointee.heldOffset = 0
        return buffer
    }

    /// Offers the engine what is held.
    static func deliverHeld(_ channel: Pointer) {
        // The engine may resume from within.
        guard unsafe !channel.pointee.isDelivering else { return }
        unsafe channel.pointee.isDelivering = true
        defer { unsafe channel.pointee.isDelivering = false }
        while unsafe channel.pointee.phase == .open, unsafe channel.pointee.firstHeld >= 0 {
            let start = unsafe channel.pointee.device.pointee.pool.start(of: channel.pointee.firstHeld)
            let frame = unsafe Frame(UnsafeRawPointer(start))
            let run = unsafe nextRun(channel, frame, UnsafeRawPointer(start))
            let taken = unsafe channel.pointee.engine!.pointee.deliver(
                channel.pointee.connection, run.baseAddress, UInt64(run.count))
            // Closed from within, and so let go already.
            guard unsafe channel.pointee.phase == .open else { return }
            unsafe channel.pointee.heldOffset += Int(taken)
            guard taken == UInt64(run.count) else { return }
            guard unsafe channel.pointee.heldOffset == frame.streamByteCount else { continue }
            if frame.bulkByteCount > 0 { unsafe channel.pointee.incoming?.pointee.finished += 1 }
            if let buffer = unsafe takeHeld(channel) { unsafe finish(channel, buffer, isControl: false) }
        }
    }

    /// What the engine has not taken of the first that is held, in its frame or its slot.
    private static func nextRun(
        _ channel: Pointer, _ frame: Frame, _ start: UnsafeRawPointer
    ) -> UnsafeRawBufferPointer {
        var start = unsafe start + frame.dataOffset
        if frame.bulkByteCount > 0, let incoming = unsafe channel.pointee.incoming {
            unsafe start =
                unsafe UnsafeRawPointer(incoming.pointee.start(of: incoming.pointee.finished))
        }
        let taken = unsafe channel.pointee.heldOffset
        return unsafe UnsafeRawBufferPointer(start: start + taken, count: frame.streamByteCount - taken)
    }

    static func dropHeld(_ channel: Pointer) {
        while let buffer = unsafe takeHeld(channel) { unsafe channel.pointee.device.pointee.finished(buffer) }
    }
}

@c(handfast_verbs_resume) func verbsResume(_ state: UnsafeMutableRawPointer?) {
    let channel = unsafe state!.assumingMemoryBound(to: VerbsChannel.self)
    unsafe VerbsChannel.deliverHeld(channel)
    // Credits to give back, or the end.
    unsafe VerbsChannel.touch(channel)
}
