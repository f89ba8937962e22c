/// What a message of the model looks like in memory: a user header of tag and number, and the payload behind it, with
/// the number at both its ends.
package enum MatchingContent {
    package static let headerByteCount = 16
    package static let maximumByteCount = 40_000

    package static func allocate() -> UnsafeMutableRawBufferPointer {
        .allocate(byteCount: headerByteCount + maximumByteCount, alignment: 8)
    }

    package static func write(_ message: MatchingModel.Message, into block: UnsafeMutableRawBufferPointer) {
        block.storeBytes(of: message.tag, as: UInt64.self)
        block.storeBytes(of: message.number, toByteOffset: 8, as: Int.self)
        if message.byteCount >= 8 {
            block.storeBytes(of: message.number, toByteOffset: headerByteCount, as: Int.self)
        }
        if message.byteCount >= 16 {
            let end = headerByteCount + message.byteCount
            block.storeBytes(of: message.number, toByteOffset: end - 8, as: Int.self)
        }
    }

    package static func header(_ block: UnsafeMutableRawBufferPointer) -> UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(rebasing: block[..<headerByteCount])
    }

    package static func room(
        _ block: UnsafeMutableRawBufferPointer, byteCount: Int
    ) -> UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(rebasing: block[headerByteCount..<(headerByteCount + byteCount)])
    }

    /// The number in a user header.
    package static func number(_ header: UnsafeRawBufferPointer) -> Int {
        header.loadUnaligned(fromByteOffset: 8, as: Int.self)
    }
}

package struct MatchingFailure: Error, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }

    package static func check(_ isRight: Bool, _ what: @autoclosure () -> String) throws {
        if !isRight { throw MatchingFailure(what()) }
    }
}
