/// What a test of many connections came to, field by field, as programs read it.
struct ScaleRow {
    let fields: [Measurement.Field]

    init(
        _ kind: ConnectionKind, _ test: ScaleTest, connections: Int,
        _ figures: [(key: String, value: Double, digits: Int)]
    ) {
        fields =
            [
                Measurement.Field(key: "transport", text: kind.name, isText: true),
                Measurement.Field(key: "test", text: test.rawValue, isText: true),
                Measurement.Field(key: "connections", text: "\(connections)"),
            ] + figures.map { Measurement.Field(key: $0.key, text: Decimal.text($0.value, digits: $0.digits)) }
    }
}
