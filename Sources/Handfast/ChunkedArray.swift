/// Grows by a fixed number of elements, so that a long one has no more room than it needs.
struct ChunkedArray<Element> {
    private static var chunkCount: Int { 64 }

    private var chunks: [[Element]] = []
    private(set) var count = 0

    subscript(_ index: Int) -> Element {
        get { chunks[index / Self.chunkCount][index % Self.chunkCount] }
        set { chunks[index / Self.chunkCount][index % Self.chunkCount] = newValue }
    }

    mutating func append(_ element: Element) {
        if count % Self.chunkCount == 0 {
            var chunk: [Element] = []
            chunk.reserveCapacity(Self.chunkCount)
            chunks.append(chunk)
        }
        chunks[count / Self.chunkCount].append(element)
        count += 1
    }
}
