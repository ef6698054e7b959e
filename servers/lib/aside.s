// Functions of the runtime are declared in this package.
