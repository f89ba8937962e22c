import SeededRandom
import Testing
import TransportAPI

@Suite struct `A setting` {
    @Test(arguments: [("1", 1), ("7", 7), ("100", 100)]) func `of a number reads it`(text: String, number: Int) {
        #expect(Self.number.parse(text) == number)
    }

    @Test(arguments: ["", "0", "101", "-1", "1.5", "7 ", "seven", "99999999999999999999"])
    func `of a number refuses what is none or is out of range`(text: String) {
        #expect(Self.number.parse(text) == nil)
        #expect(!Self.number.row.isAllowed(text))
    }

    @Test(arguments: [
        ("1", 1), ("4096", 4096), ("1k", 1024), ("16K", 16384), ("64m", 64 << 20), ("3G", 3 << 30), ("1024g", 1 << 40),
    ])
    func `of bytes knows k, m and g`(text: String, byteCount: Int) {
        #expect(Self.bytes.parse(text) == byteCount)
    }

    @Test(arguments: [
        "", "k", "0", "-1k", "+1k", "1kb", "1 k", "1025g", "1t", "1.5m", "0x10", "9223372036854775807g", "17179869185g",
        "١k",
    ])
    func `of bytes refuses what is none or is out of range`(text: String) {
        #expect(Self.bytes.parse(text) == nil)
    }

    @Test(arguments: [
        ("1", true), ("yes", true), ("ON", true), ("True", true),
        ("0", false), ("no", false), ("Off", false), ("FALSE", false),
        ("", nil), ("2", nil), ("y", nil), ("yes ", nil),
    ])
    func `of yes or no takes the usual words`(text: String, value: Bool?) {
        #expect(Setting.boolean("HANDFAST_X", default: false, help: "").parse(text) == value)
    }

    @Test func `of a duration has its unit`() {
        #expect(
            Setting.milliseconds("HANDFAST_X_MS", default: 3000, in: 1...5000, help: "").parse("20")
                == .milliseconds(20))
        #expect(
            Setting.microseconds("HANDFAST_X_US", default: 50, in: 0...99, help: "").parse("20") == .microseconds(20))
        #expect(Setting.microseconds("HANDFAST_X_US", default: 50, in: 0...99, help: "").parse("100") == nil)
    }

    @Test func `of a text limits its bytes and its characters`() {
        let setting = Setting.text("HANDFAST_X", maximumByteCount: 4, help: "")
        #expect(setting.parse("") == "")
        #expect(setting.parse("äö") == "äö")
        #expect(setting.parse("äöx") == nil)
        for text in ["\u{1f}", "a\n", "\u{7f}", "\u{85}"] { #expect(setting.parse(text) == nil, "\(text.utf8)") }
    }

    @Test func `tells its default and what is allowed as the user writes it`() {
        #expect(Self.bytes.row.defaultText == "64m")
        #expect(
            Self.bytes.row.allowed == "a number of bytes from 1 to 1024g, with k, m or g for 1024, 1024² or 1024³")
        #expect(Self.number.row.allowed == "a number of rooms from 1 to 100")
        #expect(Setting.boolean("HANDFAST_X", default: true, help: "").row.defaultText == "yes")
        let duration = Setting.milliseconds("HANDFAST_X_MS", default: 3000, in: 1...5000, help: "").row
        #expect(duration.defaultText == "3000")
        #expect(duration.allowed == "a number of milliseconds from 1 to 5000")
    }

    @Test(arguments: [(1023, "1023"), (1024, "1k"), (1025, "1025"), (3 << 20, "3m"), (1 << 40, "1024g")])
    func `of bytes writes its default so that it reads it back`(byteCount: Int, text: String) {
        let setting = Setting.byteCount("HANDFAST_X", default: byteCount, in: 0...(1 << 40), help: "")
        #expect(setting.defaultText == text)
        #expect(setting.parse(text) == byteCount)
    }

    @Test func `survives any text whatever`() {
        let seed: UInt64 = 0x5e77_1195
        var generator = SplitMix64(state: seed)
        let letters = Array("0123456789kmgKMG-+. x\u{0}\u{7f}é".unicodeScalars)
        for round in 0..<20_000 {
            var text = ""
            for _ in 0..<Int.random(in: 0..<24, using: &generator) {
                text.unicodeScalars.append(letters.randomElement(using: &generator)!)
            }
            if let byteCount = Self.bytes.parse(text) {
                #expect((1...(1 << 40)).contains(byteCount), "seed \(seed), round \(round): \(text)")
            }
            if let number = Self.number.parse(text) {
                #expect((1...100).contains(number), "seed \(seed), round \(round): \(text)")
            }
        }
    }

    private static let number = Setting.integer(
        "HANDFAST_N", default: 7, in: 1...100, unit: "a number of rooms", help: "")
    private static let bytes = Setting.byteCount("HANDFAST_B", default: 64 << 20, in: 1...(1 << 40), help: "")
}
