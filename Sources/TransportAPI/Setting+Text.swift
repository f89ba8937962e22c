extension Setting where Value == Bool {
    /// Yes or no, in the usual words and in any case.
    public static func boolean(_ name: String, default defaultValue: Bool, help: String) -> Setting {
        Setting(
            name, defaultText: defaultValue ? "yes" : "no", allowed: "yes, on, true, 1, no, off, false or 0", help: help
        ) { text in
            switch text.lowercased() {
            case "yes", "on", "true", "1": true
            case "no", "off", "false", "0": false
            default: nil
            }
        }
    }
}

extension Setting where Value == String {
    /// Any text without control characters.
    /// - Parameter maximumByteCount: of its UTF-8 form; no setting may be longer than `SettingValues` allows.
    public static func text(
        _ name: String, default defaultValue: String = "",
        maximumByteCount: Int = SettingValues.maximumValueByteCount, help: String
    ) -> Setting {
        Setting(
            name, defaultText: defaultValue,
            allowed: "a text of at most \(maximumByteCount) bytes without control characters", help: help
        ) { text in text.utf8.count <= maximumByteCount && !text.hasControlCharacter ? text : nil }
    }
}
