/// What helps where no descriptor is left.
package enum DescriptorRemedy {
    /// In the process (EMFILE).
    package static let ofProcess =
        "raise the limit of open descriptors (ulimit -n), up to whose hard one an endpoint does so itself"
        + " unless HANDFAST_RAISE_DESCRIPTORS=no"
    /// On the host (ENFILE).
    package static let ofHost = "raise the limit of the whole host (sysctl fs.file-max)"
}
