import CHandfast
import Handfast

// Results of requests, into the program's structs.

// Hot path.
/// - Precondition: there is room for it, by `refusal`.
@inline(__always)
func fill(_ target: UnsafeMutablePointer<hf_completion>, _ completion: Completion, context: UInt64 = 0) {
    target.pointee.status = HF_OK.rawValue
    target.pointee.byte_count = UInt64(completion.byteCount)
    target.pointee.connection = completion.connection?.handle ?? 0
    target.pointee.fetched = completion.fetched
    target.pointee.context = context
    target.pointee.header_byte_count = UInt32(completion.headerByteCount)
    target.pointee.system_error = 0
    target.pointee.is_unsent = 0
}

// Hot path.
/// Of a request that was complete at once.
@inline(__always)
func fill(_ target: UnsafeMutablePointer<hf_completion>, byteCount: Int) {
    target.pointee.status = HF_OK.rawValue
    target.pointee.byte_count = UInt64(byteCount)
    (target.pointee.connection, target.pointee.fetched, target.pointee.context) = (0, 0, 0)
    (target.pointee.header_byte_count, target.pointee.system_error, target.pointee.is_unsent) = (0, 0, 0)
}

/// - Returns: the error's code, which is the thread's last error from here on.
@inline(never)
func fill(
    _ target: UnsafeMutablePointer<hf_completion>?, _ error: HandfastError, _ moved: Completion? = nil,
    context: UInt64 = 0
) -> hf_status {
    let status = error.told()
    guard let target else { return status }
    if let moved { fill(target, moved, context: context) } else { fill(target, byteCount: 0) }
    target.pointee.status = status.rawValue
    target.pointee.system_error = error.systemError
    target.pointee.is_unsent = error.isUnsent ? 1 : 0
    target.pointee.context = context
    guard let truncation = error.truncation else { return status }
    target.pointee.byte_count = UInt64(truncation.byteCount)
    target.pointee.header_byte_count = UInt32(truncation.headerByteCount)
    target.pointee.connection = truncation.connection?.handle ?? 0
    return status
}

// Hot path.
/// Takes the result of a request.
/// - Returns: `HF_NOT_READY` while it is under way.
@inline(__always)
func takeResult(of request: Request, into target: UnsafeMutablePointer<hf_completion>?) -> hf_status {
    do throws(HandfastError) {
        guard let completion = try request.result() else { return HF_NOT_READY }
        if let target { fill(target, completion) }
        return HF_OK
    } catch { return fill(target, error) }
}

/// A list of completions, as far apart as the first says.
struct CompletionList {
    private let start: UnsafeMutableRawPointer?
    private let stride: Int

    /// - Precondition: the first can be filled, by `refusal`.
    init(_ first: UnsafeMutablePointer<hf_completion>?) {
        start = UnsafeMutableRawPointer(first)
        stride = first.map { Int($0.pointee.struct_byte_count) } ?? 0
    }

    // Hot path.
    /// Sets the size of all but the first.
    subscript(index: Int) -> UnsafeMutablePointer<hf_completion>? {
        guard let start else { return nil }
        let element = (start + index * stride).assumingMemoryBound(to: hf_completion.self)
        element.pointee.struct_byte_count = UInt32(stride)
        return element
    }
}
