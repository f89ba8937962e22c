import CHandfast
import Glibc

// The sender's half of a rendezvous by messages: its payload has a handle, and whoever asks gets what the handle names.

/// What stands for a payload where its address would: the message's number and an offset. Bit 63 is set, which no
/// address of a program has.
enum PayloadHandle {
    static let mark: UInt64 = 1 << 63
    private static let offsetBitCount: UInt64 = 40
    /// Numbers come again after so many.
    static let numberCount: UInt64 = 1 << 23

    /// Of the payload's first byte.
    static func make(_ number: UInt64) -> UInt64 { mark | (number % numberCount) << offsetBitCount }
    static func offset(_ handle: UInt64) -> Int { Int(handle & (1 << offsetBitCount - 1)) }
    static func start(_ handle: UInt64) -> UInt64 { handle & ~(1 << offsetBitCount - 1) }
}

extension UnsafeMutablePointer<ConnectionSlot> {
    /// Pieces of one payload that may be asked for before the first has gone out: more than any peer needs.
    private static var answerLimit: Int { 8 }

    /// The open send whose payload begins at a handle.
    private func offered(_ handle: UInt64) -> UnsafeMutablePointer<RequestSlot>? {
        var candidate = pointee.awaitingFinish.first
        // A peer that can read has the address, and makes the handle of the number by itself.
        while let request = candidate, PayloadHandle.make(UInt64(littleEndian: request.pointee.trailer.0)) != handle {
            candidate = request.pointee.next
        }
        return candidate
    }

    /// Whether the handle of this number would be that of a send that is still open.
    func isHandleTaken(_ number: UInt64) -> Bool {
        number >= PayloadHandle.numberCount && offered(PayloadHandle.make(number)) != nil
    }

    /// The peer asks for a part of a payload. Whatever it says is checked against the sends that wait for it: no
    /// address comes from the wire.
    func readRequested(_ bytes: UnsafeRawBufferPointer, _ payloadByteCount: Int) {
        guard payloadByteCount == 0, bytes.count == MemoryLayout<(UInt64, UInt64, UInt64)>.size else {
            return violate(.malformedRead)
        }
        pointee.inbound.part = .head
        func word(_ index: Int) -> UInt64 { bytes.loadUnaligned(fromByteOffset: 8 * index, as: UInt64.self) }
        // Read once: the bytes may lie in memory that the peer can change.
        let (number, handle, byteCount) = (word(0), UInt64(littleEndian: word(1)), UInt64(littleEndian: word(2)))
        guard handle & PayloadHandle.mark != 0, let owner = offered(PayloadHandle.start(handle)),
            !owner.pointee.isReleasedByPeer
        else { return violate(.unknownRead) }
        let offset = PayloadHandle.offset(handle)
        let rest = owner.pointee.payloadByteCount - offset
        guard rest >= 0, byteCount <= UInt64(rest) else { return violate(.unknownRead) }
        guard owner.pointee.partCount < Self.answerLimit else { return violate(.tooManyReads) }
        guard let answer = pointee.endpoint?.takeRequest() else { return violate(.tooManyRequests) }
        answer.pointee.isOwnedByEngine = true
        answer.pointee.role = .payloadAnswer
        answer.pointee.owner = UnsafeMutableRawPointer(owner)
        answer.pointee.connection = self
        answer.pointee.frame.1 = number
        answer.pointee.frameByteCount = MessageHeader.byteCount + MemoryLayout<UInt64>.size
        answer.pointee.payloadOffset = offset
        answer.answer(with: owner.pointee.payload.map { $0 + offset }, Int(byteCount))
        owner.pointee.partCount += 1
        enqueueControl(answer)
        flush()
    }

    /// What goes out in place of bytes that nobody wants: as many zeros as an answer of ours has at most.
    // Read-only, so safe for any thread.
    nonisolated(unsafe) private static let nothing: UnsafeMutableRawPointer? = {
        let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
        let start = mmap(nil, Pulls.pieceByteCount, PROT_READ, flags, -1, 0)
        return start == MAP_FAILED ? nil : start
    }()

    /// Nobody wants the answers any more: those that have not begun go out without their bytes, and what is left of the
    /// others need not come from the payload.
    func voidAnswers(of owner: UnsafeMutablePointer<RequestSlot>) {
        var candidate = pointee.sendQueue.first
        while let answer = candidate, owner.pointee.partCount > 0 {
            candidate = answer.pointee.next
            guard answer.pointee.role == .payloadAnswer, answer.pointee.owner == UnsafeMutableRawPointer(owner) else {
                continue
            }
            if answer.pointee.sentByteCount == 0 {
                answer.answer(with: nil, 0)
            } else {
                guard let nothing = Self.nothing, answer.pointee.payloadByteCount <= Pulls.pieceByteCount else {
                    continue
                }
                answer.pointee.payload = nothing
            }
            answer.pointee.owner = nil
            owner.pointee.partCount -= 1
        }
    }

    /// An answer is out.
    func answered(_ answer: UnsafeMutablePointer<RequestSlot>) {
        guard let owner = answer.pointee.owner?.assumingMemoryBound(to: RequestSlot.self) else { return }
        owner.pointee.partCount -= 1
        guard owner.pointee.isReleasedByPeer, owner.pointee.partCount == 0 else { return }
        takeAnnounced(owner)
        owner.complete(.succeeded)
    }
}

extension UnsafeMutablePointer<RequestSlot> {
    /// Of an answer that has not begun: these bytes, and the header that says so.
    fileprivate func answer(with payload: UnsafeMutableRawPointer?, _ byteCount: Int) {
        pointee.frame.0 =
            MessageHeader(
                .readAnswer, userHeaderByteCount: MemoryLayout<UInt64>.size, payloadByteCount: byteCount
            ).word
        (pointee.payload, pointee.payloadByteCount) = (payload, byteCount)
    }
}
