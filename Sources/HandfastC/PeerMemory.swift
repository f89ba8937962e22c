public import CHandfast
import Handfast

@c @implementation
public func hf_memory_register(
    _ endpoint: hf_endpoint, _ bytes: UnsafeMutableRawPointer?, _ byte_count: UInt64, _ permissions: UInt32,
    _ memory: UnsafeMutablePointer<hf_memory>?
) -> hf_status {
    guard let memory else { return Refusal.null("memory").told() }
    guard let bytes = room(bytes, byte_count) else { return Refusal.null("bytes").told() }
    guard permissions <= HF_ALLOW_GET | HF_ALLOW_PUT | HF_ALLOW_ATOMIC else {
        return Refusal.argument("\(permissions) is no sum of HF_ALLOW_GET, HF_ALLOW_PUT and HF_ALLOW_ATOMIC").told()
    }
    return onEndpoint(endpoint, changing: false) { endpoint, _ throws(HandfastError) in
        let region = try endpoint.register(
            memory: bytes, permissions: MemoryPermissions(rawValue: UInt8(permissions)))
        memory.pointee = region.handle
        return HF_OK
    }
}

@c @implementation
public func hf_memory_key(_ memory: hf_memory, _ key: UnsafeMutablePointer<UInt8>?) -> hf_status {
    guard let key else { return Refusal.null("key").told() }
    return onMemory(memory) { region in
        let bytes = region.key
        guard bytes.count == Int(HF_KEY_BYTE_COUNT) else { return Refusal.stale("registered memory").told() }
        key.update(from: bytes, count: bytes.count)
        return HF_OK
    }
}

@c @implementation
public func hf_memory_deregister(_ memory: hf_memory) -> hf_status {
    onMemory(memory) { region in
        guard !region.key.isEmpty else { return Refusal.stale("registered memory").told() }
        region.deregister()
        return HF_OK
    }
}

@c @implementation
public func hf_memory_is_in_use(_ memory: hf_memory, _ is_in_use: UnsafeMutablePointer<Bool>?) -> hf_status {
    guard let is_in_use else { return Refusal.null("is_in_use").told() }
    // Of an endpoint that is gone.
    if let found = MemoryRegion.find(memory), found.owner == nil {
        is_in_use.pointee = false
        return HF_OK
    }
    return onMemory(memory) { region in
        is_in_use.pointee = region.isInUse
        return HF_OK
    }
}

private func onMemory(_ handle: hf_memory, _ body: (MemoryRegion) -> hf_status) -> hf_status {
    guard let (region, owner) = MemoryRegion.find(handle) else {
        return Refusal.notAHandle(handle, of: "registered memory").told()
    }
    return onOwner(owner, "registered memory", changing: false) { _ in body(region) }
}
