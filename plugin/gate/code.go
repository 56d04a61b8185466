package gate

// Codes of both gates.
const (
	CodeInternal        = "gate-error"        // the gate itself failed on this input; refused to be safe
	CodeTooManyFindings = "too-many-findings" // the list of findings was cut
	CodeUnproved        = "unproved"          // an effect that the item's card does not prove; a person decides
)

// Codes of the diff gate: the change as a whole and its paths.
const (
	CodeNoChange       = "no-change"           // the agent changed nothing
	CodePathUnsafe     = "path-unsafe"         // a path with characters or parts that are never needed
	CodePathDenied     = "path-denied"         // on the built-in deny list
	CodeOutsidePaths   = "outside-allow-paths" // outside allow_paths
	CodeOutsideType    = "outside-type-paths"  // outside the paths of the item's type
	CodeFiltered       = "filtered-path"       // the base gives the path a filter (git-crypt, LFS)
	CodeSymlink        = "symlink"             // a symbolic link
	CodeSubmodule      = "submodule"           // a submodule
	CodeMode           = "mode-change"         // an executable file or a changed mode
	CodeFileKind       = "file-kind"           // a kind of file that items never need, such as a script
	CodeDeleted        = "file-deleted"        // a file is gone
	CodeBinary         = "binary"              // not text: NUL, not UTF-8, control or invisible characters
	CodeTooManyFiles   = "too-many-files"      // more files than the limit
	CodeTooManyBytes   = "too-many-bytes"      // more bytes than the limit
	CodeUnread         = "content-missing"     // content was not handed to the gate (over the reader's cap)
	CodeSecret         = "secret"              // a secret in an added line
	CodeNoStack        = "no-stack"            // no stack of the base is touched
	CodeSeveralStacks  = "several-stacks"      // more than one stack is touched
	CodeSharedModule   = "shared-module"       // a file that several stacks may use
	CodeProtectedStack = "protected-stack"     // a protected stack
	CodeStateInGit     = "state-in-git"        // the stack's state is tracked in git
)

// Codes of the diff gate: what a Terraform file says.
const (
	CodeHCL          = "hcl-unreadable"      // a Terraform file cannot be parsed, so it cannot be judged
	CodeTerraform    = "terraform-block"     // a new, changed or removed terraform block (backend, providers, versions)
	CodeProvider     = "provider-block"      // a new, changed or removed provider block or provider argument
	CodeProvisioner  = "provisioner"         // a provisioner or connection
	CodeCodeAtPlan   = "code-at-plan"        // a data source that runs programs, or reads hosts, secrets or other states
	CodeCodeAtApply  = "code-at-apply"       // a resource that runs programs or writes files on the Terraform host
	CodeModuleSource = "module-source"       // a module from elsewhere, or another source or version
	CodeStateBlock   = "state-block"         // moved, import or removed
	CodeRemoved      = "resource-removed"    // a resource or module is no longer in the text
	CodeLoosened     = "protection-loosened" // prevent_destroy, conditions, validation, sensitive
	CodeIgnore       = "ignore-changes"      // new or changed ignore_changes
	CodeFileFunction = "file-function"       // file() and its kin with anything but the path of a tracked file below the module
	CodeFunction     = "function"            // a function that renders, reveals, runs a provider's code or never settles
	CodeUnknownBlock = "unknown-block"       // a kind of block that the gate does not know
)

// Codes of the plan gate: what the show command printed.
const (
	CodeOutput     = "plan-unreadable"    // not exactly one plan as JSON
	CodeFormat     = "plan-format"        // a format version that is not known
	CodeField      = "plan-unknown-field" // a field that is not known
	CodeErrored    = "plan-errored"       // the plan says that it failed
	CodeIncomplete = "plan-incomplete"    // the plan says that it is not whole
	CodeApplyable  = "plan-not-applyable" // the plan contradicts itself about whether it can be applied
	CodeDeferred   = "deferred"           // changes put off to a later plan
	CodeInvocation = "action-invocation"  // actions that providers would run
	CodeAddress    = "address-mismatch"   // an address that does not fit its parts, or occurs twice
	CodeCheck      = "check-fails"        // a check of the configuration fails that did not before
	CodeMissing    = "resource-missing"   // a resource of the baseline that this plan does not know
)

// Codes of the plan gate: what would be done.
const (
	CodeDelete     = "delete"             // would be deleted
	CodeReplace    = "replace"            // would be replaced, in either order
	CodeForget     = "forget"             // would be dropped from the state
	CodeAction     = "unknown-action"     // anything else outside the allow-list
	CodeDeposed    = "deposed"            // a deposed object
	CodeImport     = "import"             // would be imported
	CodeMoved      = "moved"              // has a previous address
	CodeOutputGone = "output-removed"     // an output would be removed
	CodeNewProv    = "new-provider"       // of a provider that the stack does not use yet
	CodeCreatesAll = "creates-everything" // everything would be created on a stack that has history
	CodeTooMany    = "too-many-changes"   // more resources than max_changes
	CodeOutside    = "outside-allow-resources"
	CodeTolerated  = "tolerated-differs" // a tolerated change that the baseline did not have with the same actions
	CodeDrift      = "drift"             // Baseline: something is pending
	CodeConverge   = "not-converged"     // Confirm: something is left to do
	CodeNoEffect   = "no-effect"         // Item: nothing would change
)
