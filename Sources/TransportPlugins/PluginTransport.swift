import CHandfast
import TransportAPI

/// A transport of one endpoint, made by a shared object.
final class PluginTransport: Transport {
    let table: PluginTable
    let state: UnsafeMutableRawPointer

    init(_ table: PluginTable, _ values: SettingValues) throws(TransportRefusal) {
        self.table = table
        let texts = table.settings.map { ContiguousArray(((values.text(of: $0) ?? $0.defaultText)).utf8CString) }
        var refusal = hf_refusal()
        var pointers: [UnsafePointer<CChar>?] = []
        let make = table.functions.pointee.make!
        // All texts are alive while the function runs.
        func call(_ rest: ArraySlice<ContiguousArray<CChar>>) -> UnsafeMutableRawPointer? {
            guard let text = rest.first else { return make(pointers, &refusal) }
            return text.withUnsafeBufferPointer { buffer in
                pointers.append(buffer.baseAddress)
                return call(rest.dropFirst())
            }
        }
        guard let state = call(texts[...]) else {
            throw TransportRefusal(refusal, otherwise: "its make gave neither a transport nor a reason")
        }
        self.state = state
    }

    deinit { table.functions.pointee.destroy(state) }

    var operations: UnsafePointer<hf_transport_operations> { table.operations }
    var descriptor: Int32 { table.functions.pointee.descriptor(state) }

    func makeAttempt(_ role: AttemptRole, with peer: PeerDescription) throws(TransportRefusal) -> any TransportAttempt {
        var refusal = hf_refusal()
        let attempt = peer.name.withCString { name in
            peer.address.withUnsafeBufferPointer { address in
                var description = hf_peer(
                    byte_count: UInt32(MemoryLayout<hf_peer>.size), address_byte_count: UInt32(address.count),
                    address: address.baseAddress, name: name, is_local: peer.isLocal ? 1 : 0,
                    is_self: peer.isSelf ? 1 : 0)
                return table.functions.pointee.make_attempt(
                    state, UInt32(role == .starter ? HF_STARTER : HF_ANSWERER), &description, &refusal)
            }
        }
        guard let attempt else { throw TransportRefusal(refusal) }
        return PluginAttempt(attempt, of: self)
    }
}

extension TransportRefusal {
    /// The text up to its zero, which a careless writer may have left out.
    init(_ refusal: hf_refusal, otherwise: String = "it gives no reason") {
        let text = withUnsafeBytes(of: refusal.text) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        self.init(
            refusal.code == 0 ? .unreachable : Code(rawValue: refusal.code),
            text.isEmpty ? otherwise : text.escaped())
    }
}
