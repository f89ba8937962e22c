extension Measurement {
    /// A field as programs read it.
    struct Field {
        let key: String
        let text: String
        var isText = false
    }

    var fields: [Field] {
        [
            Field(key: "transport", text: transport, isText: true),
            Field(key: "test", text: test.rawValue, isText: true),
            Field(key: "bytes", text: "\(byteCount)"), Field(key: "iterations", text: "\(iterations)"),
            Field(key: "p50_us", text: Decimal.text(p50Microseconds, digits: 4)),
            Field(key: "p99_us", text: Decimal.text(p99Microseconds, digits: 4)),
            Field(key: "max_us", text: Decimal.text(maximumMicroseconds, digits: 4)),
            Field(key: "mean_us", text: Decimal.text(meanMicroseconds, digits: 4)),
            Field(key: "mb_per_s", text: Decimal.text(megabytesPerSecond, digits: 3)),
            Field(key: "messages_per_s", text: Decimal.text(messagesPerSecond, digits: 1)),
        ]
    }
}
