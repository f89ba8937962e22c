import TransportAPI

extension EndpointAddress {
    /// The longest text that is read, in bytes.
    static let maximumTextByteCount = 1024

    /// Reads `10.0.0.1:5000@rank0`, `[fe80::1%eth0]:5000@rank0` or `localhost:5000`; the name may be missing.
    /// - Throws: `invalidArgument` with the text (cut when long), the place in it and what is allowed.
    public init(parsing text: String) throws(HandfastError) {
        guard text.utf8.count <= Self.maximumTextByteCount else {
            throw Self.error(text, "has \(text.utf8.count) bytes, more than \(Self.maximumTextByteCount)")
        }
        let utf8 = Array(text.utf8)
        let at = utf8.firstIndex(of: UInt8(ascii: "@"))
        let place = utf8[..<(at ?? utf8.endIndex)]
        let (host, afterHost) = try Self.readHost(place, of: text)
        let port = try Self.readPort(place[afterHost...], of: text)
        let name = at.map { String(decoding: utf8[($0 + 1)...], as: UTF8.self) }
        if let at, let name, let fault = Self.fault(ofName: name) {
            throw Self.error(text, at: at + 1, "the name \(fault)")
        }
        try self.init(host: host, port: port, name: name)
    }

    /// - Returns: the host and where its text ends.
    private static func readHost(
        _ place: ArraySlice<UInt8>, of text: String
    ) throws(HandfastError) -> (host: IPAddress, end: Int) {
        guard place.first == UInt8(ascii: "[") else {
            let end = place.firstIndex(of: UInt8(ascii: ":")) ?? place.endIndex
            let host = String(decoding: place[..<end], as: UTF8.self)
            if host == "localhost" { return (.localhost, end) }
            if let address = IPAddress(host), !address.isIPv6 { return (address, end) }
            let isUnbracketed = place.count { $0 == UInt8(ascii: ":") } > 1
            let fault = isUnbracketed ? "an IPv6 address must stand in brackets" : "\(host.quoted) is no IPv4 address"
            throw error(text, at: place.startIndex, fault)
        }
        guard let bracket = place.firstIndex(of: UInt8(ascii: "]")) else {
            throw error(text, at: place.startIndex, "the bracket is not closed")
        }
        let host = String(decoding: place[1..<bracket], as: UTF8.self)
        guard let address = IPAddress(host), address.isIPv6 else {
            throw error(text, at: 1, "\(host.quoted) is no IPv6 address")
        }
        return (address, bracket + 1)
    }

    /// - Parameter rest: from the colon on.
    private static func readPort(_ rest: ArraySlice<UInt8>, of text: String) throws(HandfastError) -> UInt16 {
        guard rest.first == UInt8(ascii: ":") else {
            throw error(text, at: rest.startIndex, "a colon and the port are missing")
        }
        let digits = rest.dropFirst()
        // Leading zeros and signs are refused, so that an address has one text.
        guard (1...5).contains(digits.count), digits.first != UInt8(ascii: "0"),
            digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
            let port = UInt16(String(decoding: digits, as: UTF8.self))
        else {
            throw error(
                text, at: digits.startIndex,
                "\(String(decoding: digits, as: UTF8.self).quoted) is no port from 1 to 65535")
        }
        return port
    }

    private static func error(_ text: String, at index: Int, _ fault: String) -> HandfastError {
        error(text, "is wrong at byte \(index + 1): \(fault)")
    }

    private static func error(_ text: String, _ fault: String) -> HandfastError {
        HandfastError(
            .invalidArgument,
            "the endpoint address \(text.quoted) \(fault); it is written 10.0.0.1:5000@name, [fe80::1%eth0]:5000@name or"
                + " localhost:5000@name, with a port from 1 to 65535 and, if at all, a name of 1 to"
                + " \(maximumNameByteCount) bytes without control characters")
    }
}
