import CVerbs

/// What the engine sends while it is told of something, in one frame or run: several payloads that have been read, or all that had
/// to wait.
extension VerbsChannel {
    /// Puts what is short behind what else goes in the next frame.
    /// - Returns: false when it must go otherwise.
    static func gather(_ channel: Pointer, _ cursor: inout PieceCursor) -> Bool {
        let device = unsafe channel.pointee.device
        let room = unsafe channel.pointee.frameByteLimit - Frame.byteCount - channel.pointee.openByteCount
        guard cursor.byteCount <= room, unsafe channel.pointee.runByteCount == 0,
            unsafe channel.pointee.exposures?.pointee.unannounced.isEmpty ?? true
        else { return false }
        if unsafe channel.pointee.openBuffer < 0 {
            guard unsafe channel.pointee.credits > 0, let buffer = unsafe takeSendBuffer(device) else { return false }
            // So it waits for nothing but a place.
            unsafe channel.pointee.credits -= 1
            unsafe channel.pointee.openBuffer = buffer
        }
        let start = unsafe device.pointee.pool.start(of: channel.pointee.openBuffer) + Frame.byteCount
        let target = unsafe UnsafeMutableRawBufferPointer(
            start: start + channel.pointee.openByteCount, count: Int(cursor.byteCount))
        unsafe cursor.move(to: target)
        unsafe channel.pointee.openByteCount += target.count
        return true
    }

    // Hot path.
    /// - Returns: false when one is left, for want of a place.
    static func sendOpenFrame(_ channel: Pointer) -> Bool {
        let buffer = unsafe channel.pointee.openBuffer
        guard buffer >= 0 else { return true }
        guard unsafe hasPlace(channel) else { return false }
        var frame = Frame()
        frame.dataByteCount = unsafe UInt16(channel.pointee.openByteCount)
        unsafe channel.pointee.openBuffer = -1
        unsafe channel.pointee.openByteCount = 0
        unsafe payBack(channel, &frame, atLeast: channel.pointee.granted / 4)
        let start = unsafe channel.pointee.device.pointee.pool.start(of: buffer)
        unsafe frame.write(to: start)
        unsafe add(channel, start, frame.wholeByteCount, buffer: buffer)
        unsafe post(channel)
        return true
    }

    /// Sends what has been gathered, as far as it may go.
    /// - Returns: whether nothing is left of it.
    static func sendGathered(_ channel: Pointer) -> Bool {
        guard unsafe sendOpenFrame(channel) else { return false }
        unsafe sendRun(channel)
        return unsafe channel.pointee.runByteCount == 0
    }
}
