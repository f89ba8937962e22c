/// What is free of a stretch of memory that grows at its end; it knows numbers alone and touches no byte.
struct FreeExtents {
    private struct Extent {
        var start: Int
        var end: Int
    }

    /// In order, with something taken between any two.
    private var extents: [Extent] = []
    /// Of the stretch.
    private(set) var end = 0

    /// Takes the first place that fits.
    /// - Parameter alignment: a power of two.
    /// - Returns: nil when none does.
    mutating func take(_ byteCount: Int, alignment: Int) -> Int? {
        for index in extents.indices {
            let extent = extents[index]
            let start = extent.start.roundedUp(to: alignment)
            guard start <= extent.end, byteCount <= extent.end - start else { continue }
            let before = Extent(start: extent.start, end: start)
            let after = Extent(start: start + byteCount, end: extent.end)
            extents.replaceSubrange(index...index, with: [before, after].filter { $0.start < $0.end })
            return start
        }
        return nil
    }

    /// Gives back what was taken, and joins it with what is free beside it.
    mutating func give(_ start: Int, _ byteCount: Int) {
        var (low, high) = (0, extents.count)
        while low < high {
            let middle = (low + high) / 2
            if extents[middle].start < start { low = middle + 1 } else { high = middle }
        }
        var joined = Extent(start: start, end: start + byteCount)
        var range = low..<low
        if low > 0, extents[low - 1].end == joined.start {
            joined.start = extents[low - 1].start
            range = low - 1..<low
        }
        if low < extents.count, extents[low].start == joined.end {
            joined.end = extents[low].end
            range = range.lowerBound..<low + 1
        }
        extents.replaceSubrange(range, with: CollectionOfOne(joined))
    }

    /// How much the stretch must grow for so many bytes at its end.
    func missing(_ byteCount: Int, alignment: Int) -> Int {
        let tail = extents.last.flatMap { $0.end == end ? $0.start : nil } ?? end
        return tail.roundedUp(to: alignment) + byteCount - end
    }

    mutating func grow(by byteCount: Int) {
        let start = end
        end += byteCount
        give(start, byteCount)
    }
}

extension Int {
    /// - Parameter alignment: a power of two.
    func roundedUp(to alignment: Int) -> Int { (self + alignment - 1) & ~(alignment - 1) }
}
