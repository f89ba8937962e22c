package import Handfast

/// The library's operations, as the model has them.
extension Endpoint {
    package func post(
        _ criterion: Criterion, from source: Connection?, into block: UnsafeMutableRawBufferPointer,
        room byteCount: Int
    ) throws -> Request {
        let (room, header) = (MatchingContent.room(block, byteCount: byteCount), MatchingContent.header(block))
        guard criterion.isEvenOnly else {
            return try receive(into: room, header: header, from: source, tag: criterion.tag, mask: criterion.mask)
        }
        return try receive(into: room, header: header, from: source, where: criterion.predicate)
    }

    package func probe(
        _ criterion: Criterion, from source: Connection?, into block: UnsafeMutableRawBufferPointer
    ) throws -> MessageInfo? {
        let header = MatchingContent.header(block)
        guard criterion.isEvenOnly else {
            return try probe(header: header, from: source, tag: criterion.tag, mask: criterion.mask)
        }
        return try probe(header: header, from: source, where: criterion.predicate)
    }

    package func take(_ criterion: Criterion, from source: Connection?) throws -> Message? {
        guard criterion.isEvenOnly else {
            return try takeMessage(from: source, tag: criterion.tag, mask: criterion.mask)
        }
        return try takeMessage(from: source, where: criterion.predicate)
    }
}

extension Criterion {
    fileprivate var predicate: (UnsafeRawBufferPointer, Connection) -> Bool {
        { header, _ in
            (header.loadUnaligned(as: UInt64.self) ^ tag) & mask == 0 && MatchingContent.number(header) % 2 == 0
        }
    }
}

extension Request {
    /// It is complete, and must have received this message.
    package func check(
        _ block: UnsafeMutableRawBufferPointer, room: Int, is message: MatchingModel.Message,
        from source: Connection
    ) throws {
        let connection = try sender(message, room: room)
        let number = MatchingContent.number(UnsafeRawBufferPointer(block))
        func expect(_ isRight: Bool, _ what: @autoclosure () -> String) throws {
            try MatchingFailure.check(isRight, what())
        }
        try expect(number == message.number, "message \(number) came where \(message.number) belongs")
        try expect(block.loadUnaligned(as: UInt64.self) == message.tag, "message \(number) has another tag")
        try expect(connection == source, "message \(number) came from elsewhere")
        guard min(message.byteCount, room) >= 8 else { return }
        let begin = MatchingContent.headerByteCount
        try expect(
            block.loadUnaligned(fromByteOffset: begin, as: Int.self) == number, "message \(number) begins wrong")
        guard message.byteCount >= 16, message.byteCount <= room else { return }
        let end = begin + message.byteCount
        try expect(
            block.loadUnaligned(fromByteOffset: end - 8, as: Int.self) == number, "message \(number) ends wrong")
    }

    /// Where it came from; its length is right, or told to be too much.
    private func sender(_ message: MatchingModel.Message, room: Int) throws -> Connection? {
        let error: HandfastError
        do throws(HandfastError) {
            let completion = try result()
            let isWhole = completion?.byteCount == message.byteCount && message.byteCount <= room
            if isWhole { return completion?.connection }
            error = HandfastError(.invalidArgument, "the wrong length: \(completion?.byteCount ?? -1)")
        } catch let thrown { error = thrown }
        guard let truncation = error.truncation else { throw error }
        let isRight = truncation.byteCount == message.byteCount && truncation.roomByteCount == room
        try MatchingFailure.check(
            isRight && message.byteCount > room && error.code == .truncated, "the wrong truncation: \(error)")
        return truncation.connection
    }

    /// It was cancelled, and says so.
    package func expectCancelled() throws {
        do throws(HandfastError) { _ = try result() } catch {
            return try MatchingFailure.check(error.code == .cancelled, "\(error)")
        }
        throw MatchingFailure("a cancelled request has a result")
    }
}
