import CHandfast
import CSystem
import CVerbs
import Glibc

/// What is done for a channel once all that has come was taken: callbacks, credits, ends.
extension VerbsChannel {
    // Hot path.
    static func settle(_ channel: Pointer) {
        if unsafe channel.pointee.phase == .open, unsafe channel.pointee.error != 0 { return unsafe report(channel) }
        if unsafe channel.pointee.isFresh {
            unsafe channel.pointee.isFresh = false
            unsafe deliverHeld(channel)
        }
        if unsafe channel.pointee.phase == .open, unsafe channel.pointee.firstRead != nil {
            unsafe continueReads(channel)
        }
        if unsafe channel.pointee.phase == .open { _ = unsafe sendGathered(channel) }
        if unsafe channel.pointee.owesRoom, unsafe channel.pointee.phase == .open, unsafe channel.pointee.credits > 0,
            unsafe hasPlace(channel),
            unsafe !channel.pointee.waitsForSlot || channel.pointee.outgoing?.pointee.isFull == false
        {
            unsafe channel.pointee.owesRoom = false
            unsafe channel.pointee.waitsForSlot = false
            unsafe channel.pointee.isGathering = true
            unsafe channel.pointee.engine!.pointee.writable(channel.pointee.connection)
            unsafe channel.pointee.isGathering = false
            if unsafe channel.pointee.phase == .open { _ = unsafe sendGathered(channel) }
        }
        unsafe acknowledgeControl(channel)
        unsafe returnCredits(channel)
        if unsafe channel.pointee.phase == .open, unsafe channel.pointee.hasPeerEnded,
            unsafe channel.pointee.firstHeld < 0
        {
            if unsafe channel.pointee.isCut { return unsafe reportCut(channel) }
            unsafe tellEnd(channel)
        } else if unsafe waitsToTell(channel) {
            unsafe tellEnd(channel)
        }
        if unsafe channel.pointee.phase == .leaving { unsafe leave(channel) }
    }

    // Hot path.
    /// Tells the peer of free buffers when it may be waiting for them, unless it has ended.
    private static func returnCredits(_ channel: Pointer) {
        guard unsafe channel.pointee.phase == .open, unsafe !channel.pointee.hasPeerEnded,
            unsafe channel.pointee.mayControl,
            unsafe channel.pointee.owed > 0, unsafe mustReturn(channel), unsafe hasPlace(channel)
        else { return }
        unsafe shrink(channel)
        unsafe sendControl(channel, .control)
    }

    /// Without the acknowledgement the peer could not give slots back, and what is to be sent waits for one.
    private static func acknowledgeControl(_ channel: Pointer) {
        guard unsafe channel.pointee.waitsForSlot, unsafe channel.pointee.owesAcknowledgement,
            unsafe channel.pointee.phase == .open, unsafe !channel.pointee.hasPeerEnded,
            unsafe channel.pointee.credits > 0, unsafe hasPlace(channel)
        else { return }
        unsafe sendControl(channel, [])
    }

    /// Keeps credits back where buffers have become rare, from those that have more than their share.
    private static func shrink(_ channel: Pointer) {
        let device = unsafe channel.pointee.device
        guard unsafe 4 * device.pointee.reservedCount > 3 * device.pointee.receiveLimit else { return }
        let share = unsafe max(firstCredits, device.pointee.receiveLimit / (2 * max(1, device.pointee.channels.count)))
        let count = unsafe min(channel.pointee.owed - 1, channel.pointee.granted - share)
        guard count > 0 else { return }
        unsafe channel.pointee.owed -= count
        unsafe channel.pointee.granted -= count
        unsafe device.pointee.release(count)
    }

    // Hot path.
    /// Everything up to a number of the send queue is over.
    static func complete(_ channel: Pointer, _ last: UInt16, _ status: UInt16) {
        let device = unsafe channel.pointee.device
        if unsafe device.pointee.isIWARP {
            unsafe completeUnordered(channel, last, status)
        } else {
            unsafe completeOrdered(channel, last, status)
        }
        if unsafe channel.pointee.phase == .joining {
            unsafe channel.pointee.proofStatus = status
            unsafe csystem_event_ring(channel.pointee.attention)
        }
        if status != 0 { unsafe fail(channel, status) }
        if unsafe waitsForPlace(channel) || channel.pointee.phase == .leaving || waitsToTell(channel) {
            unsafe touch(channel)
        }
    }

    // Hot path.
    /// Whether there is something to send that may have found no place.
    static func waitsForPlace(_ channel: Pointer) -> Bool {
        unsafe channel.pointee.owesRoom || channel.pointee.firstRead != nil || channel.pointee.runByteCount > 0
            || channel.pointee.openBuffer >= 0 || channel.pointee.owesEnd || mustReturn(channel)
    }

    // Hot path.
    private static func completeOrdered(_ channel: Pointer, _ last: UInt16, _ status: UInt16) {
        while unsafe channel.pointee.completed != channel.pointee.posted {
            let sequence = unsafe channel.pointee.completed
            let slot = unsafe channel.pointee.slots[Int(sequence % sendCount)]
            unsafe channel.pointee.completed &+= 1
            unsafe retire(channel, slot, sequence == last ? status : 0)
            if sequence == last { break }
        }
    }

    // Hot path.
    /// What was posted is over: lets go of what it held. May call the engine.
    static func retire(_ channel: Pointer, _ slot: SendSlot, _ status: UInt16) {
        let device = unsafe channel.pointee.device
        unsafe device.pointee.outstandingCount -= 1
        if unsafe slot.buffer >= 0 { unsafe giveSendBuffer(device, slot.buffer) }
        if unsafe slot.isBulk { unsafe channel.pointee.outgoing?.pointee.finished += 1 }
        if unsafe slot.read != nil {
            unsafe channel.pointee.isGathering = true
            unsafe pieceEnded(channel, slot, status)
            unsafe channel.pointee.isGathering = false
        }
    }

    static func giveSendBuffer(_ device: VerbsDevice.Pointer, _ buffer: Int32) {
        unsafe device.pointee.pool.give(buffer)
        unsafe device.pointee.sendBufferCount -= 1
    }

    /// What a queue pair that is gone cannot send or complete any more.
    static func dropSends(_ channel: Pointer) {
        let device = unsafe channel.pointee.device
        while unsafe channel.pointee.completed != channel.pointee.posted {
            let slot = unsafe channel.pointee.slots[Int(channel.pointee.completed % sendCount)]
            unsafe channel.pointee.completed &+= 1
            if unsafe slot.isDone { continue }
            unsafe device.pointee.outstandingCount -= 1
            if unsafe slot.buffer >= 0 { unsafe giveSendBuffer(device, slot.buffer) }
        }
        if unsafe channel.pointee.openBuffer >= 0 { unsafe giveSendBuffer(device, channel.pointee.openBuffer) }
        unsafe channel.pointee.openBuffer = -1
    }
}
