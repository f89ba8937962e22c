public import CHandfast
import CSystem
import Handfast
import TransportAPI

@c @implementation
public func hf_version() -> UInt32 {
    UInt32(HF_VERSION_MAJOR * 1_000_000 + HF_VERSION_MINOR * 1_000 + HF_VERSION_PATCH)
}

@c @implementation
public func hf_error_get(_ error: UnsafeMutablePointer<hf_error>?) -> hf_status {
    // No error of its own may take the place of the last.
    guard let error, refusal(to: error, "error") == nil, let failure = csystem_last_failure() else {
        return HF_ERROR_ARGUMENT
    }
    error.pointee.status = failure.pointee.status
    error.pointee.system_error = failure.pointee.system_error
    error.pointee.is_unsent = failure.pointee.is_unsent
    error.pointee.text = failure.pointee.text
    return HF_OK
}

@c @implementation
public func hf_error_text() -> UnsafePointer<CChar>? {
    guard let failure = csystem_last_failure() else { return nil }
    // The place is the thread's own and stays.
    let offset = MemoryLayout<csystem_failure>.offset(of: \csystem_failure.text)!
    return UnsafePointer((UnsafeMutableRawPointer(failure) + offset).assumingMemoryBound(to: CChar.self))
}

@c @implementation
public func hf_endpoint_transport(
    _ endpoint: hf_endpoint, _ index: UInt32, _ info: UnsafeMutablePointer<hf_transport_info>?
) -> hf_status {
    guard let info else { return Refusal.null("info").told() }
    if let refusal = refusal(to: info, "info") { return refusal.told() }
    return onEndpoint(endpoint, changing: false) { _, place in
        guard let texts = place.pointee.texts?.takeUnretainedValue(), index < texts.transports.count else {
            return HF_NOT_READY
        }
        let byteCount = info.pointee.struct_byte_count
        info.pointee = texts.transports[Int(index)]
        info.pointee.struct_byte_count = byteCount
        return HF_OK
    }
}

@c @implementation
public func hf_endpoint_setting(
    _ endpoint: hf_endpoint, _ index: UInt32, _ info: UnsafeMutablePointer<hf_setting_info>?
) -> hf_status {
    guard let info else { return Refusal.null("info").told() }
    if let refusal = refusal(to: info, "info") { return refusal.told() }
    return onEndpoint(endpoint, changing: false) { _, place in
        guard let texts = place.pointee.texts?.takeUnretainedValue(), index < texts.settings.count else {
            return HF_NOT_READY
        }
        fill(info, texts.settings[Int(index)])
        return HF_OK
    }
}

@c @implementation
public func hf_endpoint_setting_named(
    _ endpoint: hf_endpoint, _ name: UnsafePointer<CChar>?, _ info: UnsafeMutablePointer<hf_setting_info>?
) -> hf_status {
    guard let name = text(name) else { return Refusal.null("name").told() }
    guard let info else { return Refusal.null("info").told() }
    if let refusal = refusal(to: info, "info") { return refusal.told() }
    return onEndpoint(endpoint, changing: false) { endpoint, place in
        guard let texts = place.pointee.texts?.takeUnretainedValue(),
            let index = endpoint.settings.rows.firstIndex(where: { $0.name == name })
        else { return Refusal.argument("\"\(name.prefix(64))\" is no setting").told() }
        fill(info, texts.settings[index])
        return HF_OK
    }
}

private func fill(_ info: UnsafeMutablePointer<hf_setting_info>, _ setting: hf_setting_info) {
    let byteCount = info.pointee.struct_byte_count
    info.pointee = setting
    info.pointee.struct_byte_count = byteCount
}
