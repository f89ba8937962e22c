import Testing
import TransportAPI

@Suite struct `The values of settings` {
    private static let number = Setting.integer("HANDFAST_ROOMS", default: 7, in: 1...100, help: "")
    private static let text = Setting.text("HANDFAST_HOUSE", default: "blue", help: "")
    private static let foreign = Setting.integer("OTHER_ROOMS", default: 1, in: 1...9, help: "")
    private static let rows = [number.row, text.row, foreign.row]

    private func values(_ environment: [String: String]) throws(SettingError) -> SettingValues {
        try SettingValues(environment: environment, checkedAgainst: Self.rows)
    }

    @Test func `are the defaults where nothing is set`() throws {
        let values = try values(["PATH": "/bin", "HANDFASTER": "x"])
        #expect(values[Self.number] == 7)
        #expect(values[Self.text] == "blue")
        #expect(values.source(of: Self.number.row) == .default)
        #expect(values.text(of: Self.number.row) == "7")
    }

    @Test func `are those of the environment where it has them`() throws {
        let values = try values(["HANDFAST_ROOMS": "8", "OTHER_ROOMS": "9"])
        #expect(values[Self.number] == 8)
        #expect(values[Self.foreign] == 9)
        #expect(values.source(of: Self.number.row) == .environment)
        #expect(values.source(of: Self.text.row) == .default)
        #expect(values.text(of: Self.number.row) == "8")
    }

    @Test func `come from the environment even when it repeats the default`() throws {
        #expect(try values(["HANDFAST_ROOMS": "7"]).source(of: Self.number.row) == .environment)
    }

    @Test func `that are not allowed are an error with variable, value and what is allowed`() {
        let error = error(["HANDFAST_ROOMS": "many"])
        #expect(error?.variable == "HANDFAST_ROOMS")
        #expect(error?.message == "HANDFAST_ROOMS=\"many\" is not allowed; it takes a number from 1 to 100")
        #expect(self.error(["OTHER_ROOMS": "x"])?.variable == "OTHER_ROOMS")
    }

    @Test func `of an unknown name are an error with the nearest known one`() {
        #expect(
            error(["HANDFAST_ROMS": "8"])?.message
                == "HANDFAST_ROMS=\"8\" is given, and there is no setting HANDFAST_ROMS;"
                + " did you mean HANDFAST_ROOMS?")
    }

    @Test func `of an unknown name like no other are an error with all known ones`() {
        #expect(
            error(["HANDFAST_QUALITY_OF_LIFE": ""])?.message.hasSuffix(
                "; known are HANDFAST_ROOMS, HANDFAST_HOUSE, OTHER_ROOMS") == true)
    }

    @Test func `with several mistakes always give the same error`() {
        for _ in 0..<20 {
            #expect(error(["HANDFAST_B": "", "HANDFAST_A": "", "HANDFAST_C": ""])?.variable == "HANDFAST_A")
            #expect(error(["HANDFAST_A": "", "HANDFAST_HOUSE": "\n", "OTHER_ROOMS": ""])?.variable == "HANDFAST_HOUSE")
        }
    }

    @Test func `are at most 4096 bytes long, and a message shows only their beginning`() throws {
        let longest = String(repeating: "x", count: 4096)
        #expect(try values(["HANDFAST_HOUSE": longest])[Self.text] == longest)
        let error = error(["HANDFAST_HOUSE": longest + "x"])
        #expect(error?.message.contains("has 4097 bytes") == true)
        #expect(error?.message.contains("\"" + String(repeating: "x", count: 60) + "…\"") == true)
    }

    @Test func `are shown without control characters and cut, however hostile`() {
        #expect(error(["HANDFAST_ROOMS": "\u{1b}[2J"])?.message.contains("\"\\u{1b}[2J\"") == true)
        let long = error([
            "HANDFAST_" + String(repeating: "\n", count: 100_000): String(repeating: "\u{301}", count: 100_000)
        ])
        #expect((long?.message.utf8.count ?? .max) < 1000)
    }

    private func error(_ environment: [String: String]) -> SettingError? {
        do throws(SettingError) { _ = try values(environment) } catch { return error }
        return nil
    }
}
