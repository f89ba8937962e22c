/// How long a packet may go without an answer.
enum VerbsTiming {
    /// 4.096 us * 2^14: 67 ms between tries. Devices may take up to four times as long.
    static let timeoutExponent: UInt8 = 14
    static let retryMilliseconds = 67
    /// Not 7, which some devices take for no end.
    static let retryCount: UInt8 = 6
    /// For the device that leads to an address, and for the first read over the new path.
    static let resolveMilliseconds: Int32 = 1000
    static let proofMilliseconds: Int32 = 1000
    /// For an iWARP connection with its first read, and at the answerer, which is to hear of the starter's reason first. Less than a
    /// whole handshake may take (HANDFAST_HANDSHAKE_TIMEOUT_MS), which goes on with the next transport.
    static let connectMilliseconds: Int32 = 2000
    static let answerMilliseconds: Int32 = 2500
    /// For a device to tell of what it has given up: a matter of microseconds.
    static let flushing = Duration.seconds(2)
    /// For a peer to have a buffer for the last frame.
    static let waitingToEnd = Duration.seconds(2)
    /// For a peer that has not closed to take what was sent to it over iWARP.
    static let lingering = Duration.seconds(10)
}
