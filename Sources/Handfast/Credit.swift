/// What of messages without a receive one side of a connection may bring to the other, and what is left of it.
///
/// A message costs what the receiver would hold of it if nobody wanted it. Who has no credit left keeps the user's
/// messages; whatever else there is to say passes them, so that neither side ever stops reading. A pscom peer knows
/// nothing of this: its stream is held back.
/// Source: Documentation/Wire.md, "Credit".
struct Credit {
    /// Of what a connection begins with, as exponents of two: 4 KiB to 64 KiB.
    private static let exponents = 12...16
    /// Beside its header and payload a message costs so much: what is noted of it.
    static let messageCost = 128
    /// A payload up to this goes out while any credit is left; a longer one waits at its sender when there is less than
    /// it costs, and its header travels alone.
    static let smallPayloadByteCount = 1_024
    /// A window is never larger, and no peer may give more, in bytes.
    static let windowLimit = 1 << 30
    /// Of a peer that counts nothing, or drops all that comes.
    private static let unlimited = Int.max / 2
    private static let largestExponent = 30
    /// To give less is not worth a message.
    private static let leastGrowth = 512

    /// What the peer still takes; below zero when the last message was a small one.
    private(set) var left = unlimited
    /// So much of it is kept for the headers of messages that stay here, a quarter of the most that there ever was.
    private var reserve: Int32 = 0
    /// What this side has promised to take in all: what the peer has left, what is held, and what is owed; 0 for a pscom peer.
    private(set) var window: Int32 = 0
    /// What the peer has left.
    private var available: Int32 = 0
    /// Taken by receives and not given back yet.
    private var owed: Int32 = 0

    static func exponent(within byteCount: Int) -> Int {
        min(max(byteCount.bitWidth - 1 - byteCount.leadingZeroBitCount, exponents.lowerBound), exponents.upperBound)
    }

    static func cost(_ userHeaderByteCount: Int, _ payloadByteCount: Int) -> Int {
        messageCost + userHeaderByteCount + payloadByteCount
    }

    /// Both sides count.
    var isCounted: Bool { window > 0 }
    /// Of the window, what comes out of the endpoint's bound: all but what a connection begins with.
    func reserved(exponent: Int) -> Int { isCounted ? Int(window) - (1 << exponent) : 0 }
    var isLow: Bool { available < window / 2 }
    /// Whether the peer has too little left for a message of this cost.
    func isShort(of cost: Int) -> Bool { isCounted && cost > available - window / 4 }

    // Hot path.
    /// Whether a message of this cost may go out as it is, whatever its size.
    func allows(_ cost: Int) -> Bool { cost <= left - Int(reserve) }

    /// The same for one whose size counts.
    func allows(_ cost: Int, payloadByteCount: Int) -> Bool {
        allows(cost) || left > 0 && payloadByteCount <= Self.smallPayloadByteCount
    }

    // Hot path.
    mutating func use(_ cost: Int) { left -= cost }

    /// - Returns: false when that is more than any peer may give.
    mutating func add(_ granted: UInt64) -> Bool {
        guard granted <= UInt64(Self.windowLimit), left <= Self.windowLimit - Int(granted) else { return false }
        left += Int(granted)
        reserve = max(reserve, Int32(left / 4))
        return true
    }

    /// The peer has said goodbye: it drops what still comes, and gives no credit any more.
    mutating func end() { left = Self.unlimited }

    // Hot path.
    /// A message has come.
    /// - Returns: false when the peer had no credit for it.
    mutating func charge(_ cost: Int, payloadByteCount: Int) -> Bool {
        guard cost <= available || available > 0 && payloadByteCount <= Self.smallPayloadByteCount else { return false }
        available -= Int32(cost)
        return true
    }

    // Hot path.
    /// A receive has taken a message.
    mutating func release(_ cost: Int) { owed += Int32(cost) }

    /// What the peer is told to have from now on; 0 when that is not worth a message.
    /// - Parameters:
    ///   - wanted: by so much the window should grow.
    ///   - room: by so much it may.
    mutating func grant(wanted: Int, room: Int) -> Int {
        let most = min(wanted, room, Self.windowLimit - Int(window))
        let growth = most >= Self.leastGrowth ? most : 0
        guard growth > 0 || owed >= window / 4 || (available <= 0 && owed > 0) else { return 0 }
        let granted = Int(owed) + growth
        window += Int32(growth)
        available += Int32(granted)
        owed = 0
        return granted
    }

    /// A connection begins. What is still held of one before it stays promised.
    /// - Parameters:
    ///   - peerExponent: of what the peer gives; 0 when it counts nothing.
    ///   - exponent: of what it is given.
    ///   - held: the cost of messages that are still there.
    mutating func begin(peerExponent: Int, exponent: Int, held: Int) {
        self = Credit()
        guard peerExponent > 0 else { return }
        left = 1 << min(peerExponent, Self.largestExponent)
        reserve = Int32(left / 4)
        available = 1 << Int32(exponent)
        window = available + Int32(min(held, Self.windowLimit - Int(available)))
    }
}

extension UnsafeMutablePointer<ConnectionSlot> {
    func beginCredit(peerExponent: Int) {
        guard let endpoint = pointee.endpoint else { return }
        let exponent = endpoint.pointee.creditExponent
        endpoint.pointee.reservedByteCount -= pointee.credit.reserved(exponent: exponent)
        pointee.hasQueuedCredit = false
        pointee.credit.begin(
            peerExponent: peerExponent, exponent: exponent, held: pointee.unexpected.cost + pointee.taken.cost)
        endpoint.pointee.reservedByteCount += pointee.credit.reserved(exponent: exponent)
    }

    // Hot path.
    /// A message of the user's that a receive takes at once.
    /// - Returns: false when the peer had no credit for it: then the connection is lost.
    @inline(__always)
    @discardableResult
    func pass(_ cost: Int, payloadByteCount: Int) -> Bool {
        guard pointee.credit.isCounted else { return true }
        guard pointee.credit.charge(cost, payloadByteCount: payloadByteCount) else { return overdrawn(cost) }
        pointee.credit.release(cost)
        if pointee.credit.isLow { giveCredit() }
        return true
    }

    /// A message that nobody has posted a receive for.
    /// - Returns: as above.
    func charge(_ cost: Int, payloadByteCount: Int) -> Bool {
        guard pointee.credit.isCounted else { return true }
        guard pointee.credit.charge(cost, payloadByteCount: payloadByteCount) else { return overdrawn(cost) }
        if pointee.credit.isLow { giveCredit() }
        return true
    }

    /// What was charged of a message is held no more.
    func release(_ cost: Int) {
        guard pointee.credit.isCounted else { return }
        pointee.credit.release(cost)
        if pointee.credit.isLow { giveCredit() }
    }

    private func overdrawn(_ cost: Int) -> Bool {
        // Who has said goodbye gives no more, and drops all.
        if pointee.isLeaving { return true }
        violate(.tooLittleCredit)
        return false
    }

    /// Tells the peer of what it may bring from now on, if that is worth a message.
    /// - Parameter wanted: by so much its window should grow, in bytes.
    func giveCredit(wanted: Int = 0) {
        // One at a time: a peer that does not read must not make us queue them.
        guard pointee.channel != nil, !pointee.hasQueuedCredit, !isSayingGoodbye, let endpoint = pointee.endpoint
        else { return }
        let limit = endpoint.pointee.unexpectedByteLimitPerConnection - Int(pointee.credit.window)
        let room = Swift.min(limit, endpoint.pointee.unreservedByteCount / 4)
        let before = pointee.credit.window
        let granted = pointee.credit.grant(wanted: Swift.max(wanted, Int(pointee.credit.window)), room: room)
        guard granted > 0 else {
            if room < Int(pointee.credit.window) { endpoint.pointee.lacksRoom = true }
            return
        }
        endpoint.pointee.reservedByteCount += Int(pointee.credit.window - before)
        pointee.hasQueuedCredit = true
        sendControl(.credit, UInt64(granted))
    }

    /// What was given is on its way.
    func creditIsOut() {
        pointee.hasQueuedCredit = false
        if pointee.credit.isCounted, pointee.credit.isLow { giveCredit() }
    }

    func creditArrived(_ bytes: UnsafeRawBufferPointer, _ payloadByteCount: Int) {
        guard payloadByteCount == 0, bytes.count == MemoryLayout<UInt64>.size else { return violate(.malformedCredit) }
        pointee.inbound.part = .head
        let granted = UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self))
        guard pointee.credit.add(granted) else { return violate(.tooMuchCredit) }
        flush()
    }
}
