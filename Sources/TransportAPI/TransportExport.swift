public import CHandfast
import Synchronization

/// A transport that is written in Swift, as the table of a shared object. The object exports it by one function:
///
///     @c(hf_transport_plugin_1)
///     public func transportPlugin() -> UnsafePointer<hf_transport_plugin>? {
///         TransportExport.table(of: definition, operations: operations)
///     }
public enum TransportExport {
    /// What the table's functions work on: they have nothing else to know it by.
    static let exported = Mutex<TransportDefinition?>(nil)

    /// The table; made once and never freed. Names, numbers and texts are checked by who opens the object.
    /// - Parameter operations: what every transport of the definition has as its own; it must outlive the process's use.
    /// - Precondition: this object has exported nothing yet.
    public static func table(
        of definition: TransportDefinition, operations: UnsafePointer<hf_transport_operations>
    ) -> UnsafePointer<hf_transport_plugin> {
        exported.withLock { exported in
            precondition(exported == nil, "a shared object has one transport, and it was exported already")
            exported = definition
        }
        let table = UnsafeMutablePointer<hf_transport_plugin>.allocate(capacity: 1)
        table.initialize(to: hf_transport_plugin())
        table.pointee.byte_count = UInt32(MemoryLayout<hf_transport_plugin>.size)
        table.pointee.version = UInt32(HF_PLUGIN_VERSION)
        table.pointee.name = permanent(definition.name)
        table.pointee.summary = permanent(definition.summary)
        table.pointee.number = definition.number
        table.pointee.setting_count = UInt32(definition.settings.count)
        table.pointee.settings = permanent(definition.settings)
        table.pointee.operations = operations
        table.pointee.allows = { index, value in
            let row = TransportExport.current.settings[Int(index)]
            return row.isAllowed(String(cString: value!)) ? 1 : 0
        }
        ExportedTransport.fill(table)
        ExportedAttempt.fill(table)
        return UnsafePointer(table)
    }

    /// - Precondition: a table was made; only its functions ask.
    static var current: TransportDefinition { exported.withLock { $0! } }

    private static func permanent(_ text: String) -> UnsafePointer<CChar> {
        let bytes = Array(text.utf8CString)
        let copy = UnsafeMutableBufferPointer<CChar>.allocate(capacity: bytes.count)
        _ = copy.initialize(from: bytes)
        return UnsafePointer(copy.baseAddress!)
    }

    private static func permanent(_ rows: [SettingRow]) -> UnsafePointer<hf_plugin_setting>? {
        guard !rows.isEmpty else { return nil }
        let settings = UnsafeMutableBufferPointer<hf_plugin_setting>.allocate(capacity: rows.count)
        _ = settings.initialize(
            from: rows.map {
                hf_plugin_setting(
                    name: permanent($0.name), default_value: permanent($0.defaultText), allowed: permanent($0.allowed),
                    help: permanent($0.help))
            })
        return UnsafePointer(settings.baseAddress!)
    }
}

extension TransportRefusal {
    /// Writes it where the other side of the table reads it; a text that is too long is cut.
    func write(to refusal: UnsafeMutablePointer<hf_refusal>) {
        refusal.pointee.code = code.rawValue
        withUnsafeMutableBytes(of: &refusal.pointee.text) { text.write(to: $0) }
    }
}
