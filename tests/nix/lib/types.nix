# Option types: `check` says whether one value fits, `merge` makes one of several (given as values).
{ lib }:
let
  show = value: builtins.substring 0 200 (builtins.toJSON value);
  mergeEqual =
    where: values:
    # Comparing would evaluate all of it.
    if builtins.length values == 1 || builtins.all (value: value == builtins.head values) values then
      builtins.head values
    else
      throw "The option `${where}' has conflicting definition values";
  plain = description: check: { inherit description check; merge = mergeEqual; };
  # What a module sets at one place, held against the type.
  checked =
    type: where: value:
    if type.check value then value else throw "A definition for option `${where}' is not of type `${type.description}'. Definition values: ${show value}";

  isPathLike = value: builtins.isPath value || (builtins.isString value && lib.hasPrefix "/" value) || value ? outPath;
in
rec {
  mergeChecked = type: where: values: type.merge where (map (checked type where) values);

  str = plain "string" builtins.isString;
  bool = plain "boolean" builtins.isBool;
  int = plain "signed integer" builtins.isInt;
  raw = plain "raw value" (_: true);
  package = plain "package" (value: lib.isDerivation value || isPathLike value);
  path = plain "path" isPathLike;
  port = ints.between 0 65535;
  ints = {
    positive = plain "positive integer, meaning >0" (value: builtins.isInt value && value > 0);
    unsigned = plain "unsigned integer, meaning >=0" (value: builtins.isInt value && value >= 0);
    between = low: high: plain "integer between ${toString low} and ${toString high}" (
      value: builtins.isInt value && value >= low && value <= high
    );
  };
  strMatching = pattern: plain "string matching the pattern ${pattern}" (
    value: builtins.isString value && builtins.match pattern value != null
  );
  enum = values: plain "one of ${show values}" (value: builtins.elem value values);
  addCheck = type: check: type // { check = value: type.check value && check value; };

  nullOr = type: {
    description = "null or ${type.description}";
    check = value: value == null || type.check value;
    merge =
      where: values:
      if builtins.all (value: value == null) values then
        null
      else if builtins.any (value: value == null) values then
        throw "The option `${where}' is defined both null and not null"
      else
        mergeChecked type where values;
  };
  either = first: second: {
    description = "${first.description} or ${second.description}";
    check = value: first.check value || second.check value;
    merge =
      where: values:
      if builtins.all first.check values then
        first.merge where values
      else if builtins.all second.check values then
        second.merge where values
      else
        mergeEqual where values;
  };
  oneOf = types: builtins.foldl' either (builtins.head types) (builtins.tail types);
  coercedTo = from: convert: to: {
    description = "${to.description} or ${from.description} convertible to it";
    check = value: (from.check value && to.check (convert value)) || to.check value;
    merge = where: values: mergeChecked to where (map (value: if from.check value then convert value else value) values);
  };
  listOf = type: {
    description = "list of ${type.description}";
    check = builtins.isList;
    merge = where: values: map (value: mergeChecked type where [ value ]) (builtins.concatLists values);
  };
  attrsOf = type: {
    description = "attribute set of ${type.description}";
    check = value: builtins.isAttrs value;
    merge =
      where: values:
      let
        definitions = builtins.concatMap lib.pushDown values;
        names = lib.unique (builtins.concatMap builtins.attrNames definitions);
        valuesOf = name: lib.winners (builtins.concatMap (set: if set ? ${name} then [ set.${name} ] else [ ]) definitions);
        present = builtins.filter (name: valuesOf name != [ ]) names;
      in
      lib.genAttrs present (name: mergeChecked type "${where}.${name}" (valuesOf name));
  };
  submodule = module: {
    description = "submodule";
    check = builtins.isAttrs;
    merge = where: values: lib.evalOptions where module.options (builtins.concatMap lib.pushDown values);
  };
}
