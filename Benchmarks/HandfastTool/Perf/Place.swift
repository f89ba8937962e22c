import Glibc
import Handfast

/// Addresses as users write them: with host names, or, to listen, with parts left out.
enum Place {
    /// Begins to connect to what the user wrote, host names and all.
    static func connect(
        _ endpoint: Endpoint, to text: String, option: String, selection: TransportSelection?
    ) throws -> Connection {
        do throws(HandfastError) { return try endpoint.connect(to: text, selection: selection) } catch {
            guard error.code == .invalidArgument else { throw error }
            throw ToolError.usage("\(option) \(text): \(error.message)")
        }
    }

    /// Where to listen, and under which name.
    struct Listening {
        var host: IPAddress?
        var port: UInt16 = 0
        var name: String?
    }

    /// Reads `127.0.0.1:5000@name`, of which each part may be missing; port 0 is any.
    static func listening(_ text: String) throws -> Listening {
        var place = Listening()
        var rest = text[...]
        if let at = rest.firstIndex(of: "@") {
            place.name = String(rest[rest.index(after: at)...])
            rest = rest[..<at]
            if place.name == "" { throw ToolError.usage("--listen \(text): the name is empty; \(allowedToListen)") }
        }
        var host = rest
        if let colon = rest.lastIndex(of: ":"), rest.first != "[" || rest[..<colon].last == "]" {
            let digits = rest[rest.index(after: colon)...]
            guard let port = UInt16(digits) else {
                throw ToolError.usage("--listen \(text): \"\(digits)\" is no port from 0 to 65535; \(allowedToListen)")
            }
            (place.port, host) = (port, rest[..<colon])
        }
        if host.first == "[", host.last == "]" { host = host.dropFirst().dropLast() }
        guard !host.isEmpty, host != "*" else { return place }
        place.host = try IPAddress(String(host)) ?? lookUp(String(host), "--listen \(text)")
        return place
    }

    private static let allowedToListen = "allowed is ADDRESS:PORT@NAME, of which each part may be missing"

    private static func lookUp(_ host: String, _ argument: String) throws(ToolError) -> IPAddress {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let error = getaddrinfo(host, nil, &hints, &list)
        guard error == 0, let first = list else {
            throw .usage(
                "\(argument): the host \"\(host)\" is not known (\(String(cString: gai_strerror(error)))); \(allowedToListen)"
            )
        }
        defer { freeaddrinfo(list) }
        var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
        getnameinfo(
            first.pointee.ai_addr, first.pointee.ai_addrlen, &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST)
        let numeric = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        guard let address = IPAddress(numeric) else {
            throw .usage("\(argument): the host \"\(host)\" has the address \(numeric), which is no IP address")
        }
        return address
    }
}
