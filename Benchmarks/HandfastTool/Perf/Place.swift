import Glibc
import Handfast

/// Addresses as users write them: with host names, or with parts left out.
enum Place {
    static let allowed = "10.0.0.1:5000@name, [fe80::1%eth0]:5000@name or host:5000@name, where the name may be missing"

    /// Reads an address to connect to; a host name is looked up.
    static func peer(_ text: String, option: String = "--connect") throws -> EndpointAddress {
        do throws(HandfastError) { return try EndpointAddress(parsing: text) } catch {
            guard let (host, rest) = split(text), !host.isEmpty, !host.contains("[") else {
                throw ToolError.usage("\(option) \(text): \(error.message)")
            }
            // Only a name is looked up: a wrong number is not somebody's host.
            guard host.contains(where: \.isLetter) else { throw ToolError.usage("\(option) \(text): \(error.message)") }
            let address = try lookUp(host, "\(option) \(text)")
            let numeric = address.bytes.count == 16 ? "[\(address)]\(rest)" : "\(address)\(rest)"
            do throws(HandfastError) { return try EndpointAddress(parsing: numeric) } catch {
                throw ToolError.usage("\(option) \(text): \(error.message)")
            }
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

    private static func split(_ text: String) -> (host: String, rest: String)? {
        guard let colon = text.firstIndex(of: ":") else { return nil }
        return (String(text[..<colon]), String(text[colon...]))
    }

    private static func lookUp(_ host: String, _ argument: String) throws(ToolError) -> IPAddress {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let error = getaddrinfo(host, nil, &hints, &list)
        guard error == 0, let first = list else {
            throw .usage(
                "\(argument): the host \"\(host)\" is not known (\(String(cString: gai_strerror(error)))); allowed is \(allowed)"
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
