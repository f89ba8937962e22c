// How a one-sided operation uses its request. The user's request is the operation; what travels are parts of it, which
// are requests of the engine's own: header, two numbers, and further fields in the trailer, all big endian.

extension RequestSlot {
    /// Of an operation: the message that its parts are.
    var operationKind: MessageHeader.Kind {
        get { MessageHeader(word: frame.0).kind ?? .put }
        set { frame.0 = MessageHeader(newValue, userHeaderByteCount: 0, payloadByteCount: 0).word }
    }
    /// Of an operation: the region's number, in the upper half, then code and width of an atomic.
    var operationTarget: (region: UInt32, code: UInt8, width: UInt8) {
        get {
            let word = frame.1
            return (
                UInt32(truncatingIfNeeded: word >> 32), UInt8(truncatingIfNeeded: word >> 8),
                UInt8(truncatingIfNeeded: word)
            )
        }
        set { frame.1 = UInt64(newValue.region) << 32 | UInt64(newValue.code) << 8 | UInt64(newValue.width) }
    }
    var operationNonce: UInt64 {
        get { trailer.0 }
        set { trailer.0 = newValue }
    }
    var operationOffset: UInt64 {
        get { trailer.1 }
        set { trailer.1 = newValue }
    }
    /// Of an atomic its first operand, of a put its notification.
    var operand: UInt64 {
        get { trailer.2 }
        set { trailer.2 = newValue }
    }
    var hasNotification: Bool {
        get { arrivedHeaderByteCount != 0 }
        set { arrivedHeaderByteCount = newValue ? 1 : 0 }
    }
    /// Of an atomic before it is answered.
    var comparand: UInt64 {
        get { more.0 }
        set { more.0 = newValue }
    }
    /// Of an atomic: what was there before.
    var fetched: UInt64 {
        get { more.1 }
        set { more.1 = newValue }
    }
    /// Of an operation: a part was issued.
    var hasBegun: Bool {
        get { arrivedPayloadByteCount != 0 }
        set { arrivedPayloadByteCount = newValue ? 1 : 0 }
    }
    /// Of a request that failed: the peer cannot have any of it.
    var isUnsent: Bool {
        switch role {
        case .operation: !hasBegun
        case .flush: false
        default: !isReceive && sentByteCount == 0
        }
    }
    /// Of a part: by which the answer names it.
    var partNumber: UInt32 {
        get { UInt32(truncatingIfNeeded: sequence) }
        set { sequence = UInt64(newValue) }
    }
}

extension UnsafeMutablePointer<RequestSlot> {
    var operation: UnsafeMutablePointer<RequestSlot>? { pointee.owner?.assumingMemoryBound(to: RequestSlot.self) }

    var isIssuedWhole: Bool { pointee.hasBegun && pointee.sentByteCount == pointee.payloadByteCount }

    /// Writes what goes before the payload: kind and sizes, two numbers, then so many words, at most three and four.
    func writeFrame(
        _ kind: MessageHeader.Kind, _ numbers: (UInt32, UInt32), wordCount: Int,
        _ words: (UInt64, UInt64, UInt64), _ more: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0),
        payloadByteCount: Int
    ) {
        let header = MessageHeader(kind, userHeaderByteCount: 8 + 8 * wordCount, payloadByteCount: payloadByteCount)
        pointee.frame = (header.word, (UInt64(numbers.0) << 32 | UInt64(numbers.1)).bigEndian)
        pointee.frameByteCount = 2 * MessageHeader.byteCount
        pointee.trailer = (words.0.bigEndian, words.1.bigEndian, words.2.bigEndian)
        pointee.trailerByteCount = 8 * Swift.min(wordCount, 3)
        pointee.more = (more.0.bigEndian, more.1.bigEndian, more.2.bigEndian, more.3.bigEndian)
        pointee.moreByteCount = 8 * Swift.max(wordCount - 3, 0)
        pointee.carriesPayload = payloadByteCount > 0
    }
}
