import CSystem
import TransportAPI

/// Sixteen bytes that nobody can guess: a token, a proof, a socket's name; also the host's boot number.
struct Nonce: Hashable {
    static let byteCount = 16
    var high: UInt64
    var low: UInt64

    /// - Throws: `resources` when the kernel has no random bytes.
    static func makeRandom() throws(TransportRefusal) -> Nonce {
        var nonce = Nonce(high: 0, low: 0)
        let status = unsafe csystem_random(&nonce, UInt64(byteCount))
        guard status == 0 else { throw .system(-status, "no random bytes from the kernel") }
        return nonce
    }

    /// A word of it that is not 0.
    var secret: UInt64 { max(low, 1) }

    /// Thirty-two hexadecimal digits.
    var text: String { Nonce.digits(high) + Nonce.digits(low) }

    private static func digits(_ word: UInt64) -> String {
        let digits = String(word, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}

extension FieldReader {
    mutating func readNonce() -> Nonce? {
        guard let high = read(UInt64.self), let low = read(UInt64.self) else { return nil }
        return Nonce(high: high, low: low)
    }
}

extension [UInt8] {
    mutating func append(nonce: Nonce) {
        append(field: nonce.high)
        append(field: nonce.low)
    }
}
