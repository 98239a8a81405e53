extends Node
@rpc func ri(): pass
