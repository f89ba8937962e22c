/// A name, a peer's or an interface's, in which `*` stands for any text, also none, and `?` for one Unicode scalar.
struct NamePattern: Hashable, Sendable {
    private let scalars: [Unicode.Scalar]

    init(_ text: String) { scalars = Array(text.unicodeScalars) }

    /// Takes at most as many steps as the product of both lengths: only the last `*` is ever tried again.
    func matches(_ name: String) -> Bool {
        let name = Array(name.unicodeScalars)
        var position = 0
        var nameIndex = 0
        var lastStar: (position: Int, nameIndex: Int)?
        while nameIndex < name.count {
            if position < scalars.count, scalars[position] == "*" {
                lastStar = (position, nameIndex)
                position += 1
            } else if position < scalars.count, scalars[position] == "?" || scalars[position] == name[nameIndex] {
                position += 1
                nameIndex += 1
            } else if let star = lastStar {
                // The star takes one scalar more, and what follows it is compared again from there.
                lastStar = (star.position, star.nameIndex + 1)
                position = star.position + 1
                nameIndex = star.nameIndex + 1
            } else {
                return false
            }
        }
        return scalars[position...].allSatisfy { $0 == "*" }
    }
}
