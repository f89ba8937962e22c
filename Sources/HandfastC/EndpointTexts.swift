import CHandfast
import Glibc
import Handfast
import TransportAPI

/// What an endpoint tells of its transports and settings, as texts that stay in place until it is destroyed.
final class EndpointTexts {
    let transports: [hf_transport_info]
    let settings: [hf_setting_info]
    private let texts: [UnsafeMutablePointer<CChar>?]

    /// - Parameter given: names of the settings that the program gave.
    init(_ endpoint: Endpoint, given: Set<String>) {
        var texts: [UnsafeMutablePointer<CChar>?] = []
        func keep(_ text: String) -> UnsafePointer<CChar>? {
            texts.append(strdup(text))
            return UnsafePointer(texts.last!)
        }
        transports = endpoint.transportStates.map { definition, refusal in
            hf_transport_info(
                struct_byte_count: 0, is_available: refusal == nil ? 1 : 0, name: keep(definition.name),
                summary: keep(definition.summary), reason: keep(refusal ?? ""))
        }
        let settings = endpoint.settings
        self.settings = settings.rows.map { row in
            let isSet = settings.values.source(of: row) == .environment
            let source =
                !isSet ? HF_SOURCE_DEFAULT : given.contains(row.name) ? HF_SOURCE_PROGRAM : HF_SOURCE_ENVIRONMENT
            return hf_setting_info(
                struct_byte_count: 0, source: source.status, name: keep(row.name),
                value: keep(settings.values.text(of: row) ?? ""), default_value: keep(row.defaultText),
                allowed: keep(row.allowed), help: keep(row.help))
        }
        self.texts = texts
    }

    deinit { for text in texts { free(text) } }
}

extension hf_setting_source {
    fileprivate var status: Int32 { Int32(rawValue) }
}
