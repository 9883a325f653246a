//! The grammar's node kinds and fields as numbers known at run time once, so
//! that the lowering matches on an enum and not on text.

use std::num::NonZeroU16;
use std::sync::LazyLock;

use tree_sitter::{Language, Node};

/// Makes an enum, and its value for each of the grammar's names.
macro_rules! named {
    ($(#[$doc:meta])* $enum:ident { $($variant:ident = $name:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum $enum { $($variant,)* }

        impl $enum {
            const NAMES: &'static [(&'static str, $enum)] = &[$(($name, $enum::$variant),)*];
        }
    };
}

named! {
    /// Kinds of nodes that the lowering tells apart.
    Kind {
        ArgumentList = "argument_list",
        AsPattern = "as_pattern",
        AsPatternTarget = "as_pattern_target",
        AssertStatement = "assert_statement",
        Assignment = "assignment",
        Asterisk = "*",
        Async = "async",
        Attribute = "attribute",
        AugmentedAssignment = "augmented_assignment",
        Await = "await",
        BinaryOperator = "binary_operator",
        Block = "block",
        BooleanOperator = "boolean_operator",
        BreakStatement = "break_statement",
        Call = "call",
        CaseClause = "case_clause",
        CasePattern = "case_pattern",
        Chevron = "chevron",
        ClassDefinition = "class_definition",
        ClassPattern = "class_pattern",
        Colon = ":",
        Comma = ",",
        Comment = "comment",
        ComparisonOperator = "comparison_operator",
        ComplexPattern = "complex_pattern",
        ConcatenatedString = "concatenated_string",
        ConditionalExpression = "conditional_expression",
        ConstrainedType = "constrained_type",
        ContinueStatement = "continue_statement",
        DecoratedDefinition = "decorated_definition",
        Decorator = "decorator",
        DefaultParameter = "default_parameter",
        DeleteStatement = "delete_statement",
        DictPattern = "dict_pattern",
        Dictionary = "dictionary",
        DictionaryComprehension = "dictionary_comprehension",
        DictionarySplat = "dictionary_splat",
        DictionarySplatPattern = "dictionary_splat_pattern",
        DottedName = "dotted_name",
        Ellipsis = "ellipsis",
        ElifClause = "elif_clause",
        ElseClause = "else_clause",
        Error = "ERROR",
        ExceptClause = "except_clause",
        ExecStatement = "exec_statement",
        ExpressionList = "expression_list",
        ExpressionStatement = "expression_statement",
        False = "false",
        FinallyClause = "finally_clause",
        Float = "float",
        ForInClause = "for_in_clause",
        ForStatement = "for_statement",
        FormatExpression = "format_expression",
        FormatSpecifier = "format_specifier",
        From = "from",
        FunctionDefinition = "function_definition",
        FutureImportStatement = "future_import_statement",
        GeneratorExpression = "generator_expression",
        GenericType = "generic_type",
        GlobalStatement = "global_statement",
        Identifier = "identifier",
        IfClause = "if_clause",
        IfStatement = "if_statement",
        ImportFromStatement = "import_from_statement",
        ImportPrefix = "import_prefix",
        ImportStatement = "import_statement",
        Integer = "integer",
        Interpolation = "interpolation",
        KeywordArgument = "keyword_argument",
        KeywordPattern = "keyword_pattern",
        KeywordSeparator = "keyword_separator",
        Lambda = "lambda",
        LineContinuation = "line_continuation",
        List = "list",
        ListComprehension = "list_comprehension",
        ListPattern = "list_pattern",
        ListSplat = "list_splat",
        ListSplatPattern = "list_splat_pattern",
        MatchStatement = "match_statement",
        MemberType = "member_type",
        Minus = "-",
        NamedExpression = "named_expression",
        None = "none",
        NonlocalStatement = "nonlocal_statement",
        NotOperator = "not_operator",
        Pair = "pair",
        ParenthesizedExpression = "parenthesized_expression",
        PassStatement = "pass_statement",
        PatternList = "pattern_list",
        PositionalSeparator = "positional_separator",
        PrintStatement = "print_statement",
        RaiseStatement = "raise_statement",
        RelativeImport = "relative_import",
        ReturnStatement = "return_statement",
        Set = "set",
        SetComprehension = "set_comprehension",
        Slice = "slice",
        SplatPattern = "splat_pattern",
        SplatType = "splat_type",
        String = "string",
        StringContent = "string_content",
        StringEnd = "string_end",
        StringStart = "string_start",
        Subscript = "subscript",
        True = "true",
        TryStatement = "try_statement",
        Tuple = "tuple",
        TuplePattern = "tuple_pattern",
        Type = "type",
        TypeAliasStatement = "type_alias_statement",
        TypeParameter = "type_parameter",
        TypedDefaultParameter = "typed_default_parameter",
        TypedParameter = "typed_parameter",
        UnaryOperator = "unary_operator",
        Underscore = "_",
        UnionPattern = "union_pattern",
        UnionType = "union_type",
        WhileStatement = "while_statement",
        WildcardImport = "wildcard_import",
        WithClause = "with_clause",
        WithItem = "with_item",
        WithStatement = "with_statement",
        Yield = "yield",
        Other = "",
    }
}

named! {
    /// Fields that the lowering asks for.
    Field {
        Alias = "alias",
        Alternative = "alternative",
        Argument = "argument",
        Arguments = "arguments",
        Attribute = "attribute",
        Body = "body",
        Cause = "cause",
        Condition = "condition",
        Consequence = "consequence",
        Definition = "definition",
        Expression = "expression",
        FormatSpecifier = "format_specifier",
        Function = "function",
        Guard = "guard",
        Key = "key",
        Left = "left",
        ModuleName = "module_name",
        Name = "name",
        Object = "object",
        Operator = "operator",
        Operators = "operators",
        Parameters = "parameters",
        ReturnType = "return_type",
        Right = "right",
        Subject = "subject",
        Subscript = "subscript",
        Superclasses = "superclasses",
        Type = "type",
        Value = "value",
    }
}

struct Table {
    kinds: Vec<Kind>,
    fields: Vec<Option<NonZeroU16>>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let language = language();
    let kind_of = |name| Kind::NAMES.iter().find(|(known, _)| *known == name);
    let kinds = (0..language.node_kind_count() as u16)
        .map(|id| language.node_kind_for_id(id).unwrap_or_default())
        .map(|name| kind_of(name).map_or(Kind::Other, |(_, kind)| *kind))
        .collect();
    let fields = Field::NAMES
        .iter()
        .map(|(name, _)| language.field_id_for_name(name))
        .collect();
    Table { kinds, fields }
});

/// The grammar.
pub(super) fn language() -> Language {
    tree_sitter_python::LANGUAGE.into()
}

/// What `node` is.
pub(super) fn kind(node: Node<'_>) -> Kind {
    // The two kinds that stand outside the grammar's table: ERROR is 65535.
    match TABLE.kinds.get(node.kind_id() as usize) {
        Some(kind) => *kind,
        None => Kind::Error,
    }
}

/// The first child of `node` under `field`.
pub(super) fn field(node: Node<'_>, field: Field) -> Option<Node<'_>> {
    node.child_by_field_id(field.id()?.get())
}

impl Field {
    /// The grammar's number for it.
    pub(super) fn id(self) -> Option<NonZeroU16> {
        TABLE.fields[self as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grammar_knows_every_name() {
        let language = language();
        for (name, kind) in Kind::NAMES {
            let known = [true, false]
                .iter()
                .any(|named| language.id_for_node_kind(name, *named) != 0);
            assert!(known || matches!(kind, Kind::Error | Kind::Other), "{name}");
        }
        for (name, _) in Field::NAMES {
            assert!(language.field_id_for_name(name).is_some(), "{name}");
        }
    }
}
