import Glibc

// One process of the tests of matching: commands come by its input, one a line; it ends with its input.
do {
    try MatchingPeer().run()
} catch {
    print("error \(error)")
    fflush(nil)
    exit(1)
}
