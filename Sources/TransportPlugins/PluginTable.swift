import CHandfast
import TransportAPI

/// The table of a shared object, checked. Immutable; its memory stays for ever, as the object does.
final class PluginTable: Sendable {
    typealias Functions = UnsafePointer<hf_transport_plugin>

    /// Words that mean something else where names of transports stand.
    private static let reservedNames: Set = ["read", "channel", "messages", "pscom", "local"]

    // Copies of this process, never changed after `init` and never freed: short tables of older versions end in zeros.
    nonisolated(unsafe) let functions: Functions
    nonisolated(unsafe) let operations: UnsafePointer<hf_transport_operations>
    let name: String
    let summary: String
    let settings: [SettingRow]

    /// - Parameter plugin: as the object gave it; nothing is known of it.
    /// - Throws: the first thing that is not as it must be, with what is allowed.
    init(_ plugin: Functions) throws(TransportRefusal) {
        functions = try Self.copy(plugin, named: "hf_transport_plugin", leastByteCount: Self.leastByteCount)
        let table = functions.pointee
        name = try Self.checkedName(table.name)
        guard let summary = table.summary else { throw Self.refusal("its summary is NULL; it takes one line of text") }
        self.summary = String(cString: summary).escaped(limit: 200)
        guard table.number >= HF_FIRST_FREE_NUMBER else {
            throw Self.refusal("its number \(table.number) is not free; \(HF_FIRST_FREE_NUMBER) and above are")
        }
        let missing = Self.missingFunction(of: table)
        if let missing { throw Self.refusal("its function \(missing) is NULL, and it must be there") }
        guard let operations = table.operations else {
            throw Self.refusal("its operations are NULL; they take a table")
        }
        self.operations = try Self.copy(
            operations, named: "hf_transport_operations", leastByteCount: Self.leastOperationsByteCount)
        try Self.check(self.operations.pointee)
        settings = try Self.rows(of: table, name: name)
    }

    var definition: TransportDefinition {
        TransportDefinition(
            name: name, number: functions.pointee.number, summary: summary, settings: settings
        ) { [self] values throws(TransportRefusal) in try PluginTransport(self, values) }
    }

    /// - Throws: when something of it is another transport's.
    func check(beside neighbours: Neighbours) throws(TransportRefusal) {
        guard !neighbours.names.contains(name) else {
            throw Self.refusal("its name \(name.quoted) is another transport's already")
        }
        let number = functions.pointee.number
        if let owner = neighbours.owners[number] {
            throw Self.refusal("its number \(number) is the transport \(owner)'s already")
        }
        if let row = settings.first(where: { neighbours.settings.contains($0.name) }) {
            throw Self.refusal("its setting \(row.name) is there already")
        }
    }

    static func refusal(_ text: String) -> TransportRefusal { TransportRefusal(.unreachable, text) }

    /// Of version 1, in bytes.
    private static let leastByteCount =
        MemoryLayout<hf_transport_plugin>.offset(of: \.free_attempt)! + MemoryLayout<UnsafeRawPointer>.size
    private static let leastOperationsByteCount =
        MemoryLayout<hf_transport_operations>.offset(of: \.forget)! + MemoryLayout<UnsafeRawPointer>.size

    /// Both tables begin with their size and version.
    private static func copy<Table>(
        _ table: UnsafePointer<Table>, named name: String, leastByteCount: Int
    ) throws(TransportRefusal) -> UnsafePointer<Table> {
        let head = UnsafeRawPointer(table)
        let (byteCount, version) = (head.load(as: UInt32.self), head.load(fromByteOffset: 4, as: UInt32.self))
        guard version == 1 else {
            throw refusal("its \(name) is of version \(version), and this program knows version 1")
        }
        guard byteCount >= leastByteCount else {
            throw refusal("its \(name) has \(byteCount) bytes, and version 1 has \(leastByteCount)")
        }
        let size = MemoryLayout<Table>.size
        let copy = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: MemoryLayout<Table>.alignment)
        copy.initializeMemory(as: UInt8.self, repeating: 0, count: size)
        copy.copyMemory(from: head, byteCount: min(Int(byteCount), size))
        return UnsafePointer(copy.bindMemory(to: Table.self, capacity: 1))
    }

    private static func checkedName(_ text: UnsafePointer<CChar>?) throws(TransportRefusal) -> String {
        guard let text else { throw refusal("its name is NULL; it takes 1 to 32 of a-z, 0-9 and -, first a letter") }
        let name = String(cString: text)
        let letters = UInt8(ascii: "a")...UInt8(ascii: "z")
        let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
        guard (1...32).contains(name.utf8.count), letters.contains(name.utf8.first!),
            name.utf8.allSatisfy({ letters.contains($0) || digits.contains($0) || $0 == UInt8(ascii: "-") })
        else {
            throw refusal("its name \(name.quoted) is not allowed; it takes 1 to 32 of a-z, 0-9 and -, first a letter")
        }
        guard !reservedNames.contains(name) else {
            throw refusal("its name \(name.quoted) means something else in the settings")
        }
        return name
    }

    private static func missingFunction(of table: hf_transport_plugin) -> String? {
        if table.make == nil { return "make" }
        if table.destroy == nil { return "destroy" }
        if table.descriptor == nil { return "descriptor" }
        if table.make_attempt == nil { return "make_attempt" }
        if table.advance == nil { return "advance" }
        if table.open == nil { return "open" }
        return table.free_attempt == nil ? "free_attempt" : nil
    }

    private static func check(_ operations: hf_transport_operations) throws(TransportRefusal) {
        let required: [(String, Bool)] = [
            ("poll", operations.poll != nil), ("arm", operations.arm != nil), ("send", operations.send != nil),
            ("resume", operations.resume != nil), ("close", operations.close != nil),
        ]
        if let missing = required.first(where: { !$0.1 }) {
            throw refusal("its function \(missing.0) is NULL, and it must be there")
        }
        let exposing = [
            operations.expose != nil, operations.conceal != nil, operations.keep != nil, operations.forget != nil,
        ]
        guard Set(exposing).count == 1 else {
            throw refusal("of its functions expose, conceal, keep and forget some are NULL; it takes all or none")
        }
        guard (operations.allocate == nil) == (operations.release == nil) else {
            throw refusal("of its functions allocate and release one is NULL; it takes both or none")
        }
    }
}
