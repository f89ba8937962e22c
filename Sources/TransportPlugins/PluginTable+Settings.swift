import CHandfast
import TransportAPI

extension PluginTable {
    private static let settingLimit: UInt32 = 64

    /// The environment variables that a table names, each checked.
    static func rows(of table: hf_transport_plugin, name: String) throws(TransportRefusal) -> [SettingRow] {
        guard table.setting_count > 0 else { return [] }
        guard table.setting_count <= settingLimit, let settings = table.settings else {
            throw refusal(
                "it has \(table.setting_count) settings and a table of them that is NULL or too long;"
                    + " it takes at most \(settingLimit)")
        }
        let prefix = "HANDFAST_" + name.uppercased().map { $0 == "-" ? "_" : String($0) }.joined() + "_"
        var rows: [SettingRow] = []
        for index in 0..<table.setting_count {
            let setting = settings[Int(index)]
            guard let variable = setting.name, let defaultValue = setting.default_value, let allowed = setting.allowed,
                let help = setting.help
            else { throw refusal("its setting \(index) has a text that is NULL") }
            let name = String(cString: variable)
            guard name.hasPrefix(prefix), name.utf8.count > prefix.utf8.count,
                name.unicodeScalars.allSatisfy({ ("A"..."Z").contains($0) || ("0"..."9").contains($0) || $0 == "_" })
            else {
                throw refusal("its setting \(name.quoted) is not allowed; it takes \(prefix) and more of A-Z, 0-9, _")
            }
            guard !rows.contains(where: { $0.name == name }) else {
                throw refusal("it has two settings \(name)")
            }
            let allows = table.allows
            let parse: @Sendable (String) -> String? = { text in
                guard !text.hasControlCharacter else { return nil }
                return allows.map { $0(index, text) != 0 } ?? true ? text : nil
            }
            let defaultText = String(cString: defaultValue)
            guard parse(defaultText) != nil else {
                throw refusal("the default \(defaultText.quoted) of its setting \(name) is not allowed by itself")
            }
            rows.append(
                Setting(
                    name, defaultText: defaultText, allowed: String(cString: allowed).escaped(),
                    help: String(cString: help).escaped(), parse: parse
                ).row)
        }
        return rows
    }
}
