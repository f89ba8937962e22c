import CHandfast
import TransportAPI

// Structs of the program's, each of which begins with its size. All fields that there are belong to version 0.1.

// Hot path.
/// - Returns: why it cannot be filled; nil when it can.
@inline(__always)
func refusal<Value>(to fill: UnsafeMutablePointer<Value>, _ name: StaticString) -> Refusal? {
    let byteCount = Int(UnsafeRawPointer(fill).loadUnaligned(as: UInt32.self))
    guard byteCount < MemoryLayout<Value>.size || byteCount % 8 != 0 else { return nil }
    return .tooShort(byteCount, name, atLeast: MemoryLayout<Value>.size)
}

/// The same for one that the program fills, and which may be longer than is known when the rest is zeros.
func refusal<Value>(toRead value: UnsafePointer<Value>, _ name: StaticString) -> Refusal? {
    let byteCount = Int(UnsafeRawPointer(value).loadUnaligned(as: UInt32.self))
    guard byteCount >= MemoryLayout<Value>.size, byteCount % 8 == 0 else {
        return .tooShort(byteCount, name, atLeast: MemoryLayout<Value>.size)
    }
    guard byteCount <= 4_096 else {
        return .argument("\(name) says that it has \(byteCount) bytes; at most 4096 are allowed")
    }
    let rest = UnsafeRawBufferPointer(start: value, count: byteCount)[MemoryLayout<Value>.size...]
    guard rest.allSatisfy({ $0 == 0 }) else {
        return .argument("\(name) has fields that this version does not know, and they are not zero")
    }
    return nil
}

/// Copies a text out by the rules of the header.
func copy(
    _ text: String, _ target: UnsafeMutablePointer<CChar>?, _ room: Int, _ byteCount: UnsafeMutablePointer<Int>?
) -> hf_status {
    guard target != nil || room == 0 else { return Refusal.null("text").told() }
    byteCount?.pointee = text.utf8.count + 1
    text.write(to: UnsafeMutableRawBufferPointer(start: target, count: room))
    guard text.utf8.count < room else {
        return Refusal.truncated(text.utf8.count + 1, room: room).told()
    }
    return HF_OK
}

/// Why a text of the program's cannot be taken: two that are no UTF-8 could become the same.
func refusal(ofText text: UnsafePointer<CChar>?, _ name: StaticString) -> Refusal? {
    guard let text, String(validatingCString: text) == nil else { return nil }
    return .argument("\(name) is \"\(String(cString: text).prefix(64))\", and UTF-8 is needed")
}

/// A text of the program's.
/// - Returns: nil for NULL.
func text(_ pointer: UnsafePointer<CChar>?) -> String? { pointer.map { String(cString: $0) } }
