public import CHandfast
import Handfast

@c @implementation
public func hf_memory_allocate(
    _ endpoint: hf_endpoint, _ byte_count: UInt64, _ bytes: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
) -> hf_status {
    guard let bytes else { return Refusal.null("bytes").told() }
    return onEndpoint(endpoint, changing: false) { endpoint, _ throws(HandfastError) in
        bytes.pointee = try endpoint.allocate(byteCount: Int(clamping: byte_count)).baseAddress
        return HF_OK
    }
}

@c @implementation
public func hf_memory_free(_ endpoint: hf_endpoint, _ bytes: UnsafeMutableRawPointer?) -> hf_status {
    onEndpoint(endpoint, changing: false) { endpoint, _ throws(HandfastError) in
        if let bytes { try endpoint.deallocate(UnsafeMutableRawBufferPointer(start: bytes, count: 0)) }
        return HF_OK
    }
}
