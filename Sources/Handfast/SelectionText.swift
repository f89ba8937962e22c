import TransportAPI

/// A text that selects transports, and where it stands, for messages.
struct SelectionText: Sendable {
    enum Origin: Sendable {
        case variable(String)
        case argument(String)
    }

    let origin: Origin
    let text: String
    /// Indices into this are the places that errors name.
    let utf8: [UInt8]

    init(_ origin: Origin, _ text: String) {
        self.origin = origin
        self.text = text
        utf8 = Array(text.utf8)
    }

    var isBlank: Bool { utf8[...].trimmed.isEmpty }

    /// `HANDFAST_SELECT`, or: the argument `select`.
    var place: String {
        switch origin {
        case .variable(let name): name
        case .argument(let name): "the argument `\(name)`"
        }
    }

    /// `HANDFAST_TRANSPORTS=^tcp`, or: the argument `transports` ("^tcp").
    var assignment: String {
        switch origin {
        case .variable(let name): "\(name)=\(text.shortened)"
        case .argument: "\(place) (\(text.quoted))"
        }
    }

    /// - Parameter fault: a half-sentence with what is allowed there.
    func error(at index: Int, _ fault: String) -> HandfastError {
        HandfastError(.invalidArgument, "\(place), \(text.quoted), is wrong at byte \(index + 1): \(fault)")
    }

    /// - Throws: when the text is longer than any setting may be; everything that reads it relies on that bound.
    func checkLength() throws(HandfastError) {
        let limit = SettingValues.maximumValueByteCount
        guard utf8.count <= limit else {
            throw HandfastError(
                .invalidArgument, "\(place), \(text.quoted), has \(utf8.count) bytes; allowed are \(limit)")
        }
    }
}

extension ArraySlice<UInt8> {
    /// Without spaces and tabs at both ends. An empty one keeps its place.
    var trimmed: ArraySlice<UInt8> {
        let isBlank = { (byte: UInt8) in byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
        let start = drop(while: isBlank)
        return start.prefix((start.lastIndex { !isBlank($0) } ?? start.startIndex - 1) + 1 - start.startIndex)
    }

    /// The bytes as a text; what is no UTF-8 is replaced.
    var text: String { String(decoding: self, as: UTF8.self) }
}
