import CHandfast
import Synchronization

/// A transport of an endpoint in another image, which knows it by its `state`.
final class ExportedTransport {
    let transport: any Transport

    private init(_ transport: any Transport) { self.transport = transport }

    /// By the address of `state`, each retained: endpoints of several threads make and destroy.
    private static let living = Mutex<[UInt: UInt]>([:])

    static func fill(_ table: UnsafeMutablePointer<hf_transport_plugin>) {
        table.pointee.make = { values, refusal in
            do throws(TransportRefusal) { return try ExportedTransport.make(values) } catch {
                error.write(to: refusal!)
                return nil
            }
        }
        table.pointee.destroy = { state in
            let address = ExportedTransport.living.withLock { $0.removeValue(forKey: UInt(bitPattern: state)) }
            Unmanaged<ExportedTransport>.fromOpaque(UnsafeRawPointer(bitPattern: address!)!).release()
        }
        table.pointee.descriptor = { ExportedTransport.find($0).descriptor }
        table.pointee.make_attempt = { state, role, peer, refusal in
            let role: AttemptRole = role == UInt32(HF_STARTER) ? .starter : .answerer
            do throws(TransportRefusal) {
                let attempt = try ExportedTransport.find(state).makeAttempt(role, with: PeerDescription(peer!.pointee))
                return Unmanaged.passRetained(ExportedAttempt(attempt)).toOpaque()
            } catch {
                error.write(to: refusal!)
                return nil
            }
        }
    }

    private static func make(
        _ texts: UnsafePointer<UnsafePointer<CChar>?>?
    ) throws(TransportRefusal) -> UnsafeMutableRawPointer {
        let definition = TransportExport.current
        var environment: [String: String] = [:]
        for (index, row) in definition.settings.enumerated() { environment[row.name] = String(cString: texts![index]!) }
        let values: SettingValues
        do throws(SettingError) {
            values = try SettingValues(environment: environment, checkedAgainst: definition.settings)
        } catch { throw TransportRefusal(.unreachable, error.message) }
        let transport = try definition.make(values)
        let state = transport.state
        let address = UInt(bitPattern: Unmanaged.passRetained(ExportedTransport(transport)).toOpaque())
        let former = living.withLock { $0.updateValue(address, forKey: UInt(bitPattern: state)) }
        precondition(former == nil, "two transports of \(definition.name) share one state")
        return state
    }

    private static func find(_ state: UnsafeMutableRawPointer?) -> any Transport {
        let address = living.withLock { $0[UInt(bitPattern: state)] }
        let object = UnsafeRawPointer(bitPattern: address!)!
        return Unmanaged<ExportedTransport>.fromOpaque(object).takeUnretainedValue().transport
    }
}

extension PeerDescription {
    fileprivate init(_ peer: hf_peer) {
        self.init(
            name: String(cString: peer.name),
            address: Array(UnsafeBufferPointer(start: peer.address, count: Int(peer.address_byte_count))),
            isLocal: peer.is_local != 0, isSelf: peer.is_self != 0)
    }
}
