import TransportAPI

/// The parts of a text such as `10.0.0.1:5000,node7:5000@rank0`, before host names are resolved.
struct EndpointText: Hashable, Sendable {
    enum Host: Hashable, Sendable {
        case address(IPAddress)
        /// 1 to 253 letters, digits, `.`, `-` and `_`.
        case name(String)
    }

    struct Part: Hashable, Sendable {
        let host: Host
        /// 1 to 65535.
        let port: UInt16
        /// Where the host stands in the text, in bytes from 0.
        let index: Int
    }

    /// The longest text that is read, in bytes.
    static let maximumByteCount = 2048
    /// The longest name of a host that the domain name system knows, in bytes.
    private static let maximumHostByteCount = 253

    let text: String
    /// 1 to 16.
    let parts: [Part]
    let name: String?

    /// Those that are to be resolved, each once.
    var hostNames: [String] {
        var names: [String] = []
        for case .name(let name) in parts.map(\.host) where !names.contains(name) { names.append(name) }
        return names
    }

    /// - Throws: `invalidArgument` with the text (cut when long), the place in it and what is allowed.
    init(_ text: String) throws(HandfastError) {
        self.text = text
        guard text.utf8.count <= Self.maximumByteCount else {
            throw Self.error(text, "has \(text.utf8.count) bytes, more than \(Self.maximumByteCount)")
        }
        let utf8 = Array(text.utf8)
        let at = utf8.firstIndex(of: UInt8(ascii: "@"))
        parts = try Self.readParts(utf8[..<(at ?? utf8.endIndex)], of: text)
        name = at.map { String(decoding: utf8[($0 + 1)...], as: UTF8.self) }
        if let at, let name, let fault = EndpointAddress.fault(ofName: name) {
            throw Self.error(text, at: at + 1, "the name \(fault)")
        }
    }

    /// - Throws: `invalidArgument` when a link-local address has no interface, or one that this host does not have.
    func checkScopes() throws(HandfastError) {
        for part in parts {
            guard case .address(let address) = part.host else { continue }
            do throws(HandfastError) { _ = try SocketAddress(address, port: part.port) } catch {
                // After the bracket, or after the percent sign.
                let percent = Array(text.utf8)[part.index...].firstIndex(of: UInt8(ascii: "%"))
                throw self.error(at: 1 + (address.zone == nil ? part.index : percent ?? part.index), error.message)
            }
        }
    }

    /// - Parameter fault: a half-sentence with what is allowed there.
    func error(at index: Int, _ fault: String) -> HandfastError { Self.error(text, at: index, fault) }

    private static func readParts(_ places: ArraySlice<UInt8>, of text: String) throws(HandfastError) -> [Part] {
        var parts: [Part] = []
        var rest = places
        while true {
            guard parts.count < EndpointAddress.maximumPlaceCount else {
                throw error(
                    text, at: rest.startIndex, "an endpoint has at most \(EndpointAddress.maximumPlaceCount) addresses")
            }
            let index = rest.startIndex
            let (host, afterHost) = try readHost(rest, of: text)
            let (port, afterPort) = try readPort(rest[afterHost...], of: text)
            parts.append(Part(host: host, port: port, index: index))
            guard afterPort < rest.endIndex else { return parts }
            rest = rest[(afterPort + 1)...]
        }
    }

    /// - Returns: the host and where its text ends.
    private static func readHost(
        _ place: ArraySlice<UInt8>, of text: String
    ) throws(HandfastError) -> (host: Host, end: Int) {
        guard place.first == UInt8(ascii: "[") else { return try readUnbracketedHost(place, of: text) }
        guard let bracket = place.firstIndex(of: UInt8(ascii: "]")) else {
            throw error(text, at: place.startIndex, "the bracket is not closed")
        }
        let host = place[(place.startIndex + 1)..<bracket].text
        guard let address = IPAddress(host), address.isIPv6 else {
            throw error(text, at: place.startIndex + 1, "\(host.quoted) is no IPv6 address")
        }
        return (.address(address), bracket + 1)
    }

    private static func readUnbracketedHost(
        _ place: ArraySlice<UInt8>, of text: String
    ) throws(HandfastError) -> (host: Host, end: Int) {
        let comma = place.firstIndex(of: UInt8(ascii: ",")) ?? place.endIndex
        let end = place[..<comma].firstIndex(of: UInt8(ascii: ":")) ?? comma
        let host = place[..<end].text
        if let address = IPAddress(host), !address.isIPv6 { return (.address(address), end) }
        let isUnbracketed = place[..<comma].count { $0 == UInt8(ascii: ":") } > 1
        if isUnbracketed, !isName(place[..<end]) || IPAddress(place[..<comma].text) != nil {
            throw error(text, at: place.startIndex, "an IPv6 address must stand in brackets")
        }
        guard isName(place[..<end]) else {
            throw error(text, at: place.startIndex, "\(host.quoted) is no IPv4 address and no host name")
        }
        return (.name(host), end)
    }

    /// What ends in a number is an address that was mistyped, never a name: the resolver would read 10.1 as 10.0.0.1.
    private static func isName(_ host: ArraySlice<UInt8>) -> Bool {
        guard (1...maximumHostByteCount).contains(host.count), host.allSatisfy(isNameByte),
            host.first != UInt8(ascii: "-"), host.first != UInt8(ascii: ".")
        else { return false }
        let labels = host.split(separator: UInt8(ascii: "."))
        guard let last = labels.last else { return false }
        let isHexadecimal = last.starts(with: "0x".utf8) || last.starts(with: "0X".utf8)
        return !isHexadecimal && !last.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"):
            true
        default: false
        }
    }

    /// - Parameter rest: from the colon on.
    /// - Returns: the port and where its digits end: at a comma, or with the rest.
    private static func readPort(
        _ rest: ArraySlice<UInt8>, of text: String
    ) throws(HandfastError) -> (port: UInt16, end: Int) {
        guard rest.first == UInt8(ascii: ":") else {
            throw error(text, at: rest.startIndex, "a colon and the port are missing")
        }
        let digits = rest.dropFirst().prefix { $0 != UInt8(ascii: ",") }
        // Leading zeros and signs are refused, so that an address has one text.
        guard (1...5).contains(digits.count), digits.first != UInt8(ascii: "0"),
            digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }), let port = UInt16(digits.text)
        else { throw error(text, at: digits.startIndex, "\(digits.text.quoted) is no port from 1 to 65535") }
        return (port, digits.endIndex)
    }

    private static func error(_ text: String, at index: Int, _ fault: String) -> HandfastError {
        error(text, "is wrong at byte \(index + 1): \(fault)")
    }

    private static func error(_ text: String, _ fault: String) -> HandfastError {
        HandfastError(
            .invalidArgument,
            "the endpoint address \(text.quoted) \(fault); it is written 10.0.0.1:5000@name, [fe80::1%eth0]:5000@name or"
                + " localhost:5000@name, several places with commas between them, with a port from 1 to 65535 and, if at"
                + " all, a name of 1 to \(EndpointAddress.maximumNameByteCount) bytes without control characters")
    }
}
