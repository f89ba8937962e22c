/// A number for programs and a sentence for people: why a transport or a connection was refused.
public struct Reason<Code: RawRepresentable<UInt16> & Hashable & Sendable>: Hashable, Sendable {
    public var code: Code
    /// At most `maximumTextByteCount` bytes of UTF-8 are sent and kept.
    public var text: String

    public init(_ code: Code, _ text: String) {
        self.code = code
        self.text = text
    }
}

/// Enough for a sentence with two addresses and two sizes; a peer cannot fill a log with more.
private let maximumTextByteCount = 1024

extension Reason {
    init?(reading reader: inout ByteReader) where Code: OpenCode {
        guard let number = reader.readBigEndian(UInt16.self) else { return nil }
        self.init(Code(rawValue: number), String(decoding: reader.rest.prefix(maximumTextByteCount), as: UTF8.self))
    }

    func encode(into writer: inout ByteWriter) {
        writer.writeBigEndian(code.rawValue)
        writer.write(text.utf8.prefix(maximumTextByteCount))
    }
}

/// A code to which later versions add values: every number has a place, known or not.
public protocol OpenCode: RawRepresentable<UInt16>, Hashable, Sendable {
    init(rawValue: UInt16)
}

/// Why a transport was not chosen (ARCH_NEXT).
public struct RefusalCode: OpenCode {
    public let rawValue: UInt16
    public init(rawValue: UInt16) { self.rawValue = rawValue }

    /// The side does not know this transport.
    public static let unknownTransport = RefusalCode(rawValue: 1)
    /// A setting or an argument excludes it.
    public static let excluded = RefusalCode(rawValue: 2)
    /// It cannot work between these two processes (other host, other user, no device).
    public static let unreachable = RefusalCode(rawValue: 3)
    /// It should work, but something ran out (memory, descriptors).
    public static let resources = RefusalCode(rawValue: 4)
    /// What the peer sent for it makes no sense.
    public static let malformedStep = RefusalCode(rawValue: 5)
}

/// Why a connection was refused as a whole (REJECT).
public struct RejectionCode: OpenCode {
    public let rawValue: UInt16
    public init(rawValue: UInt16) { self.rawValue = rawValue }

    public static let unknownName = RejectionCode(rawValue: 1)
    public static let version = RejectionCode(rawValue: 2)
    public static let authentication = RejectionCode(rawValue: 3)
    public static let duplicateName = RejectionCode(rawValue: 4)
    public static let superseded = RejectionCode(rawValue: 5)
    public static let busy = RejectionCode(rawValue: 6)
    public static let shuttingDown = RejectionCode(rawValue: 7)
    /// The peer broke a rule of the handshake.
    public static let protocolViolation = RejectionCode(rawValue: 8)
    /// The starter has no transport left to propose.
    public static let noCommonTransport = RejectionCode(rawValue: 9)
    /// The handshake took longer than its deadline.
    public static let timeout = RejectionCode(rawValue: 10)
}

public typealias Refusal = Reason<RefusalCode>
public typealias Rejection = Reason<RejectionCode>
