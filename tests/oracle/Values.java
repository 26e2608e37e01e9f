import java.io.BufferedReader;
import java.io.Externalizable;
import java.io.InputStreamReader;
import java.io.ObjectInput;
import java.io.ObjectOutput;
import java.io.Serializable;
import java.lang.management.ManagementFactory;
import java.lang.reflect.Array;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.rmi.Remote;
import java.rmi.RemoteException;
import java.rmi.registry.LocateRegistry;
import java.rmi.registry.Registry;
import java.rmi.server.UnicastRemoteObject;
import java.util.*;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Collectors;
import javax.management.*;
import javax.management.openmbean.*;

/**
 * MBeans whose attributes are hard to transfer, and their true values.
 *
 * Prints "ready", then answers each line of standard input with one line:
 *   dump               {"canonical name": {"attribute": value, ...}, ...} as JSON, where a value is
 *                      ["null"], ["bool", true], ["int", "9"], ["float", "0x1.8p1"], ["str", "a"],
 *                      ["date", "0"], ["name", "d:a=b"], ["array", [...]], ["composite", {...}]
 *                      or ["object", "class.Name"] for anything else
 *   query HEX          canonical names that the pattern (UTF-8 in hex) matches, as a JSON list
 *   parse HEX          canonical form in hex and "pattern" or "name"; "bad" if it is not one
 *   match HEX HEX      whether the first, a pattern, matches the second
 *   registry PORT      opens an RMI registry with a dynamic proxy bound to "proxy"
 */
public final class Values {
    enum Plain { ON, OFF }

    enum WithBody {
        ONE { @Override int number() { return 1; } };
        abstract int number();
    }

    static class Base implements Serializable {
        private static final long serialVersionUID = 1;
        int shadowed = 1;
        char letter = '\u00e9';
        String text = "base";
    }

    static class Derived extends Base {
        private static final long serialVersionUID = 1;
        int shadowed = 2;
        double[] numbers = {0.5, -0.5};
        Derived self = this;
        Object nothing = null;
    }

    public static final class Outside implements Externalizable {
        private static final long serialVersionUID = 1;
        public Outside() { }
        @Override public void writeExternal(ObjectOutput out) throws java.io.IOException {
            out.write(new byte[300]);
            out.writeObject("outside");
            out.writeInt(7);
        }
        @Override public void readExternal(ObjectInput in) { }
    }

    /** The only MBean here that declares the types of its attributes. */
    public interface DeclaredMBean {
        double getNaN();
        float getInfinity();
        Double getNothing();
        double getHalf();
    }

    public static final class Declared implements DeclaredMBean {
        @Override public double getNaN() { return Double.NaN; }
        @Override public float getInfinity() { return Float.POSITIVE_INFINITY; }
        @Override public Double getNothing() { return null; }
        @Override public double getHalf() { return 0.5; }
    }

    interface Greeter extends Remote {
        String greet() throws RemoteException;
    }

    /** An MBean: attributes by name, each with a getter that may throw. */
    static final class Holder implements DynamicMBean {
        final Map<String, Callable<Object>> attributes = new LinkedHashMap<>();

        Holder value(String name, Object value) {
            attributes.put(name, () -> value);
            return this;
        }

        @Override public Object getAttribute(String name) throws MBeanException {
            try {
                return attributes.get(name).call();
            } catch (Exception e) {
                throw new MBeanException(e);
            }
        }

        @Override public AttributeList getAttributes(String[] names) {
            AttributeList list = new AttributeList();
            for (String name : names) {
                try {
                    list.add(new Attribute(name, getAttribute(name)));
                } catch (Exception e) {
                    continue; // as the contract of getAttributes requires
                }
            }
            return list;
        }

        @Override public MBeanInfo getMBeanInfo() {
            MBeanAttributeInfo[] infos = attributes.keySet().stream()
                .map(name -> new MBeanAttributeInfo(
                    name, "java.lang.Object", "What " + name + " is", true, name.equals("True"), false))
                .toArray(MBeanAttributeInfo[]::new);
            return new MBeanInfo("Values$Holder", "Hard to carry", infos, null, null, null);
        }

        @Override public void setAttribute(Attribute attribute) { }
        @Override public AttributeList setAttributes(AttributeList list) { return list; }
        @Override public Object invoke(String name, Object[] args, String[] types) { return null; }
    }

    private static final MBeanServer SERVER = ManagementFactory.getPlatformMBeanServer();
    private static final Map<ObjectName, Holder> HELD = new LinkedHashMap<>();

    private static Holder add(String name) throws Exception {
        Holder holder = new Holder();
        ObjectName objectName = new ObjectName(name);
        SERVER.registerMBean(holder, objectName);
        HELD.put(objectName, holder);
        return holder;
    }

    private static void numbers() throws Exception {
        add("odd:type=Numbers")
            .value("Zero", 0.0).value("NegativeZero", -0.0).value("NaN", Double.NaN)
            .value("Infinity", Double.POSITIVE_INFINITY)
            .value("NegativeInfinity", Double.NEGATIVE_INFINITY)
            .value("MaxDouble", Double.MAX_VALUE).value("MinDouble", Double.MIN_VALUE)
            .value("FloatTenth", 0.1f).value("FloatNaN", Float.NaN).value("FloatMax", Float.MAX_VALUE)
            .value("Above2To53", 9007199254740993L).value("MaxLong", Long.MAX_VALUE)
            .value("MinLong", Long.MIN_VALUE).value("MaxInt", Integer.MAX_VALUE)
            .value("MinInt", Integer.MIN_VALUE).value("Short", (short) -2).value("Byte", (byte) -1)
            .value("Small", 7).value("SmallAgain", 7).value("SmallLong", 7L).value("SmallLongAgain", 7L)
            .value("True", true).value("False", false).value("TrueAgain", true)
            .value("Huge", new BigInteger("-123456789012345678901234567890"))
            .value("NoughtBig", BigInteger.ZERO).value("Decimal", new BigDecimal("1.10"))
            .value("Atomic", new AtomicLong(1L << 40)).value("AtomicInt", new AtomicInteger(-3));
    }

    private static void declared() throws Exception {
        SERVER.registerMBean(new Declared(), new ObjectName("odd:type=Declared"));
    }

    private static void texts() throws Exception {
        add("odd:type=Texts")
            .value("Empty", "").value("Ascii", "plain").value("Umlaut", "\u00fc\u00df")
            .value("Euro", "\u20ac").value("Emoji", "\ud83d\ude00 and \ud83d\ude01")
            .value("Nul", "a\0b").value("LoneSurrogate", "x\ud83dy").value("Newline", "a\nb\r\tc")
            .value("Long", "\u00e9".repeat(40_000)).value("Null", null).value("NullAgain", null)
            .value("Char", 'c').value("WideChar", '\u20ac').value("SurrogateChar", '\ud83d')
            .value("Enum", Plain.ON).value("EnumWithBody", WithBody.ONE)
            .value("TimeUnit", TimeUnit.SECONDS).value("Class", String.class)
            .value("PrimitiveClass", int.class);
        add("odd:type=Faulty")
            .value("Fine", 1)
            .attributes.put("Throws", () -> { throw new IllegalStateException("on purpose"); });
        add("odd:type=Unserializable").value("Fine", 1).value("Stream", System.out);
        add("odd:type=Externalizable").value("Fine", 1).value("Outside", new Outside());
    }

    private static void arrays() throws Exception {
        Object[] itself = {1, null};
        itself[1] = itself;
        add("odd:type=Arrays")
            .value("Booleans", new boolean[] {true, false}).value("Bytes", new byte[] {-128, 0, 127})
            .value("Chars", new char[] {'a', '\u20ac', '\ud83d'}).value("Shorts", new short[] {-1, 1})
            .value("Ints", new int[] {Integer.MIN_VALUE, 0}).value("Longs", new long[] {1L << 62, -1})
            .value("Floats", new float[] {0.1f, Float.NaN}).value("Doubles", new double[] {0.1, -0.0})
            .value("Strings", new String[] {"a", null, "a"}).value("Empty", new int[0])
            .value("Nested", new int[][] {{1, 2}, {}, null}).value("Mixed", new Object[] {1, "a", 2.5, null})
            .value("Names", new ObjectName[] {new ObjectName("d:b=1,a=2")})
            .value("Enums", Plain.values()).value("Many", new long[20_000]).value("Itself", itself);
    }

    private static void collections() throws Exception {
        Map<Object, Object> mixed = new LinkedHashMap<>();
        mixed.put(1, "one");
        mixed.put("two", 2);
        Map<String, Object> caseless = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
        caseless.put("B", 1);
        caseless.put("a", 2);
        List<Object> deep = new ArrayList<>();
        for (int i = 0; i < 30; i++) deep = new ArrayList<>(List.of(deep));
        add("odd:type=Collections")
            .value("ArrayList", new ArrayList<>(Arrays.asList(1, null, "x")))
            .value("EmptyList", new ArrayList<>()).value("LinkedList", new LinkedList<>(List.of(1, 2)))
            .value("Deque", new ArrayDeque<>(List.of(1, 2))).value("Vector", new Vector<>(List.of(1, 2)))
            .value("AsList", Arrays.asList("a", "b")).value("ListOf", List.of(1, 2, 3))
            .value("ListOfOne", List.of("only")).value("SetOf", Set.of("one"))
            .value("MapOf", Map.of("k", 1.5)).value("HashSet", new HashSet<>(List.of(3, 1, 2)))
            .value("LinkedSet", new LinkedHashSet<>(List.of(3, 1, 2)))
            .value("TreeSet", new TreeSet<>(List.of(3, 1, 2))).value("HashMap", new HashMap<>(Map.of("a", 1)))
            .value("MixedMap", mixed).value("Caseless", caseless)
            .value("Hashtable", new Hashtable<>(Map.of("a", 1)))
            .value("Concurrent", new ConcurrentHashMap<>(Map.of("a", 1)))
            .value("NoneList", Collections.emptyList()).value("NoneSet", Collections.emptySet())
            .value("NoneMap", Collections.emptyMap()).value("OneList", Collections.singletonList(1))
            .value("OneSet", Collections.singleton(1)).value("OneMap", Collections.singletonMap("a", 1))
            .value("FixedList", Collections.unmodifiableList(new ArrayList<>(List.of(1))))
            .value("FixedLinked", Collections.unmodifiableList(new LinkedList<>(List.of(1))))
            .value("FixedSet", Collections.unmodifiableSet(new HashSet<>(List.of(1))))
            .value("FixedMap", Collections.unmodifiableMap(new HashMap<>(Map.of("a", 1))))
            .value("FixedTree", Collections.unmodifiableSortedMap(new TreeMap<>(Map.of("a", 1))))
            .value("SharedList", Collections.synchronizedList(new ArrayList<>(List.of(1))))
            .value("SharedMap", Collections.synchronizedMap(new HashMap<>(Map.of("a", 1))))
            .value("Deep", deep).value("EnumMap", new EnumMap<>(Map.of(Plain.ON, 1)))
            .value("EnumSet", EnumSet.of(Plain.ON));
    }

    private static void objects() throws Exception {
        Exception circular = new IllegalStateException("outer", new RuntimeException("inner"));
        circular.addSuppressed(new Exception("beside"));
        add("odd:type=Objects")
            .value("Epoch", new Date(0)).value("Millis", new Date(1_700_000_000_123L))
            .value("Before", new Date(-1)).value("Never", new Date(Long.MAX_VALUE))
            .value("Name", new ObjectName("odd:name=\"a,b=c\\*\",type=x"))
            .value("Pattern", new ObjectName("*:type=\"a*\",*"))
            .value("Derived", new Derived()).value("Thrown", circular)
            .value("UUID", new UUID(1, 2)).value("Locale", Locale.GERMANY)
            .value("Attribute", new AttributeList(List.of(new Attribute("a", 1))));
    }

    private static void openTypes() throws Exception {
        CompositeType inner = new CompositeType("inner", "i", new String[] {"x", "y"},
            new String[] {"x", "y"}, new OpenType<?>[] {SimpleType.LONG, SimpleType.STRING});
        CompositeType outer = new CompositeType("outer", "o", new String[] {"in", "list", "nan"},
            new String[] {"in", "list", "nan"},
            new OpenType<?>[] {inner, new ArrayType<>(1, inner), SimpleType.DOUBLE});
        CompositeData one = new CompositeDataSupport(inner, Map.of("x", 1L << 60, "y", "\u00e9"));
        Map<String, Object> nothing = new HashMap<>();
        nothing.put("x", null);
        nothing.put("y", null);
        CompositeData two = new CompositeDataSupport(inner, nothing);
        CompositeData both = new CompositeDataSupport(outer,
            Map.of("in", one, "list", new CompositeData[] {one, two}, "nan", Double.NaN));
        TabularType table = new TabularType("t", "t", inner, new String[] {"x"});
        TabularDataSupport rows = new TabularDataSupport(table);
        rows.put(one);
        rows.put(new CompositeDataSupport(inner, Map.of("x", 2L, "y", "second")));
        add("odd:type=Open").value("Inner", one).value("Nulls", two).value("Outer", both)
            .value("Table", rows).value("EmptyTable", new TabularDataSupport(table));
    }

    private static void names() throws Exception {
        String all = "comma, equals= colon: star* ask? quote\" back\\slash\nnewline \u00fc\ud83d\ude00";
        for (String name : new String[] {
            "odd:type=Quoted,name=" + ObjectName.quote(all), "odd:name=\"\",type=Quoted",
            "odd:type=Quoted,name=\"a\\*b\"", "odd:type=Quoted,name=\"a\\\\b\"",
            "odd:type=Spaces, key = value ", "odd:type=Empty,name=", "b=c:type=DomainWithEquals",
            "odd:z=1,y=2,x=3", "odd:type=Umlaut,n\u00e4me=\u20ac\ud83d\ude00", "\u00e4:type=Domain",
            "odd:type=QuoteInKey,a\"b=c\\d"})
            add(name).value("Here", name);
    }

    private static String json(String text) {
        StringBuilder out = new StringBuilder("\"");
        for (char c : text.toCharArray()) {
            if (c < ' ' || c > '~' || c == '"' || c == '\\') out.append(String.format("\\u%04x", (int) c));
            else out.append(c);
        }
        return out.append('"').toString();
    }

    private static String tagged(String tag, String value) {
        return "[" + json(tag) + ", " + value + "]";
    }

    private static String array(Collection<?> items, Object inside) {
        return tagged("array", items.stream()
            .map(item -> item != null && item == inside
                ? tagged("object", json(item.getClass().getName())) : truth(item))
            .collect(Collectors.joining(", ", "[", "]")));
    }

    private static String truth(Object value) {
        if (value == null) return "[\"null\"]";
        if (value instanceof Boolean) return tagged("bool", value.toString());
        if (value instanceof Double || value instanceof Float)
            return tagged("float", json(Double.toHexString(((Number) value).doubleValue())));
        if (value instanceof Number && !(value instanceof BigDecimal))
            return tagged("int", json(value.toString()));
        if (value instanceof String || value instanceof Character)
            return tagged("str", json(value.toString()));
        if (value instanceof Enum) return tagged("str", json(((Enum<?>) value).name()));
        if (value instanceof Date && Math.abs(((Date) value).getTime()) < 1L << 45)
            return tagged("date", json(String.valueOf(((Date) value).getTime())));
        if (value instanceof ObjectName)
            return tagged("name", json(((ObjectName) value).getCanonicalName()));
        return truthOfMany(value);
    }

    private static String truthOfMany(Object value) {
        if (value.getClass().isArray()) {
            List<Object> items = new ArrayList<>();
            for (int i = 0; i < Array.getLength(value); i++) items.add(Array.get(value, i));
            return array(items, value);
        }
        if (value instanceof CompositeData) {
            CompositeData data = (CompositeData) value;
            Map<String, Object> items = new TreeMap<>();
            for (String key : data.getCompositeType().keySet()) items.put(key, data.get(key));
            return composite(items);
        }
        if (value instanceof TabularData) return array(((TabularData) value).values(), null);
        if (value instanceof AttributeList) {
            Map<String, Object> items = new TreeMap<>();
            for (Attribute a : ((AttributeList) value).asList()) items.put(a.getName(), a.getValue());
            return composite(items);
        }
        if (value instanceof EnumMap || value instanceof EnumSet)
            return tagged("object", json(value instanceof EnumMap
                ? "java.util.EnumMap" : "java.util.EnumSet$SerializationProxy"));
        if (value instanceof Collection) return array((Collection<?>) value, null);
        if (value instanceof Map) return truthOfMap((Map<?, ?>) value);
        return tagged("object", json(value.getClass().getName()));
    }

    private static String truthOfMap(Map<?, ?> map) {
        if (map.keySet().stream().allMatch(String.class::isInstance)) return composite(map);
        return tagged("array", map.entrySet().stream()
            .map(e -> array(Arrays.asList(e.getKey(), e.getValue()), null))
            .collect(Collectors.joining(", ", "[", "]")));
    }

    private static String composite(Map<?, ?> items) {
        return tagged("composite", items.entrySet().stream()
            .map(e -> json((String) e.getKey()) + ": " + truth(e.getValue()))
            .collect(Collectors.joining(", ", "{", "}")));
    }

    private static String dump() {
        return HELD.entrySet().stream().map(held -> {
            List<String> values = new ArrayList<>();
            for (Map.Entry<String, Callable<Object>> a : held.getValue().attributes.entrySet()) {
                try {
                    values.add(json(a.getKey()) + ": " + truth(a.getValue().call()));
                } catch (Exception e) {
                    continue; // a getter that throws: the attribute is absent
                }
            }
            return json(held.getKey().getCanonicalName()) + ": {" + String.join(", ", values) + "}";
        }).collect(Collectors.joining(", ", "{", "}"));
    }

    private static String unhex(String hex) {
        byte[] bytes = new byte[hex.length() / 2];
        for (int i = 0; i < bytes.length; i++)
            bytes[i] = (byte) Integer.parseInt(hex.substring(2 * i, 2 * i + 2), 16);
        return new String(bytes, StandardCharsets.UTF_8);
    }

    private static String hex(String text) {
        StringBuilder out = new StringBuilder();
        for (byte b : text.getBytes(StandardCharsets.UTF_8)) out.append(String.format("%02x", b));
        return out.toString();
    }

    private static String answer(String[] words) throws Exception {
        switch (words[0]) {
            case "dump":
                return dump();
            case "query":
                return SERVER.queryNames(new ObjectName(unhex(words[1])), null).stream()
                    .map(name -> json(name.getCanonicalName()))
                    .collect(Collectors.joining(", ", "[", "]"));
            case "parse":
                try {
                    ObjectName name = new ObjectName(words.length > 1 ? unhex(words[1]) : "");
                    return hex(name.getCanonicalName()) + (name.isPattern() ? " pattern" : " name");
                } catch (MalformedObjectNameException e) {
                    return "bad";
                }
            case "match":
                return String.valueOf(new ObjectName(unhex(words[1])).apply(new ObjectName(unhex(words[2]))));
            case "registry":
                Registry registry = LocateRegistry.createRegistry(Integer.parseInt(words[1]));
                registry.bind("proxy", UnicastRemoteObject.exportObject((Greeter) () -> "hello", 0));
                return "open";
            default:
                return "unknown";
        }
    }

    public static void main(String[] args) throws Exception {
        numbers();
        declared();
        texts();
        arrays();
        collections();
        objects();
        openTypes();
        names();
        System.out.println("ready");
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        for (String line = in.readLine(); line != null; line = in.readLine())
            System.out.println(answer(line.split(" ")));
    }
}
