import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.lang.reflect.Array;
import java.nio.charset.StandardCharsets;
import java.rmi.MarshalException;
import java.rmi.UnmarshalException;
import java.util.*;
import java.util.stream.Collectors;
import javax.management.*;
import javax.management.openmbean.*;
import javax.management.remote.*;

/**
 * A Java client that prints the MBeans of other JVMs as JSON.
 *
 * Prints "ready", then answers each line of standard input with one line:
 *   read PORT [HEX...]  the MBeans with these names (UTF-8 in hex), or all MBeans:
 *                       {"canonical name": {"attribute": [declared type, value], ...}, ...}
 * A value is [Java class, text] for a number, text, name, date or enum constant; [class, [...]]
 * for an array, a collection, a table (an item per row) and a map (an item per pair);
 * [class, {...}] for composites, attribute lists and maps with text keys; ["null"];
 * ["thrown", class] if the getter throws; [class] for anything else. An MBean that is gone, or
 * whose values cannot be serialized, is null. Connections are kept open.
 */
public final class Oracle {
    private static final Map<String, MBeanServerConnection> OPEN = new HashMap<>();

    private static MBeanServerConnection server(String port) throws Exception {
        MBeanServerConnection open = OPEN.get(port);
        if (open == null) {
            String url = "service:jmx:rmi:///jndi/rmi://127.0.0.1:" + port + "/jmxrmi";
            open = JMXConnectorFactory.connect(new JMXServiceURL(url)).getMBeanServerConnection();
            OPEN.put(port, open);
        }
        return open;
    }

    private static String json(String text) {
        StringBuilder out = new StringBuilder("\"");
        for (char c : text.toCharArray())
            if (c == '"' || c == '\\') out.append('\\').append(c);
            else if (c < 32 || c > 126) out.append(String.format("\\u%04x", (int) c));
            else out.append(c);
        return out.append('"').toString();
    }

    private static String list(Collection<?> items) {
        return list(items, null);
    }

    /** An array that contains itself is there only an object of its class. */
    private static String list(Collection<?> items, Object inside) {
        return items.stream()
            .map(item -> item != null && item == inside
                ? "[" + json(item.getClass().getName()) + "]" : typed(item))
            .collect(Collectors.joining(", ", "[", "]"));
    }

    private static String map(Map<?, ?> items) {
        return items.entrySet().stream()
            .map(e -> json((String) e.getKey()) + ": " + typed(e.getValue()))
            .collect(Collectors.joining(", ", "{", "}"));
    }

    private static String number(Number value) {
        if (value instanceof Float) return Double.toHexString(value.floatValue());
        return value instanceof Double ? Double.toHexString((Double) value) : value.toString();
    }

    /** Returns a value that is printed as text, or null. */
    private static String scalar(Object value) {
        if (value instanceof Number) return number((Number) value);
        if (value instanceof Enum) return ((Enum<?>) value).name();
        if (value instanceof Date) return Long.toString(((Date) value).getTime());
        if (value instanceof ObjectName) return ((ObjectName) value).getCanonicalName();
        boolean isText = value instanceof String || value instanceof Character;
        return isText || value instanceof Boolean ? value.toString() : null;
    }

    /** Returns a value that is printed as a JSON list or object, or null. */
    private static String structure(Object value) {
        if (value.getClass().isArray()) {
            List<Object> items = new ArrayList<>();
            for (int i = 0; i < Array.getLength(value); i++) items.add(Array.get(value, i));
            return list(items, value);
        }
        if (value instanceof CompositeData) {
            CompositeData data = (CompositeData) value;
            Map<String, Object> items = new TreeMap<>();
            for (String key : data.getCompositeType().keySet()) items.put(key, data.get(key));
            return map(items);
        }
        if (value instanceof TabularData) return list(((TabularData) value).values());
        if (value instanceof EnumMap || value instanceof EnumSet) return null; // written by parts
        if (value instanceof AttributeList)
            return map(((AttributeList) value).asList().stream()
                .collect(Collectors.toMap(Attribute::getName, Attribute::getValue)));
        if (value instanceof Collection) return list((Collection<?>) value);
        return value instanceof Map ? ofMap((Map<?, ?>) value) : null;
    }

    private static String ofMap(Map<?, ?> items) {
        if (items.keySet().stream().allMatch(String.class::isInstance)) return map(items);
        return list(items.entrySet().stream()
            .map(e -> Arrays.asList(e.getKey(), e.getValue())).collect(Collectors.toList()));
    }

    private static String typed(Object value) {
        if (value == null) return "[\"null\"]";
        Class<?> type = value instanceof Enum ? ((Enum<?>) value).getDeclaringClass() : value.getClass();
        String name = value instanceof Enum ? "enum " + type.getName() : type.getName();
        String scalar = scalar(value);
        String content = scalar == null ? structure(value) : json(scalar);
        return "[" + json(name) + (content == null ? "" : ", " + content) + "]";
    }

    private static String thrown(MBeanServerConnection server, ObjectName name, String attribute) {
        try {
            return typed(server.getAttribute(name, attribute)); // it no longer throws
        } catch (Exception e) {
            return "[\"thrown\", " + json(e.getClass().getName()) + "]";
        }
    }

    private static String read(MBeanServerConnection server, ObjectName name) throws Exception {
        MBeanAttributeInfo[] infos;
        Map<String, Object> got = new HashMap<>();
        try {
            infos = server.getMBeanInfo(name).getAttributes();
            String[] wanted = Arrays.stream(infos).map(MBeanAttributeInfo::getName).toArray(String[]::new);
            for (Attribute a : server.getAttributes(name, wanted).asList()) got.put(a.getName(), a.getValue());
        } catch (InstanceNotFoundException | MarshalException | UnmarshalException e) {
            return "null";
        }
        return Arrays.stream(infos).map(info -> {
            String attribute = info.getName();
            String value = got.containsKey(attribute) ? typed(got.get(attribute)) : thrown(server, name, attribute);
            return json(attribute) + ": [" + json(info.getType()) + ", " + value + "]";
        }).collect(Collectors.joining(", ", "{", "}"));
    }

    private static String unhex(String hex) {
        byte[] bytes = new byte[hex.length() / 2];
        for (int i = 0; i < bytes.length; i++)
            bytes[i] = (byte) Integer.parseInt(hex.substring(2 * i, 2 * i + 2), 16);
        return new String(bytes, StandardCharsets.UTF_8);
    }

    private static String answer(String[] words) throws Exception {
        if (!words[0].equals("read")) return "unknown";
        MBeanServerConnection server = server(words[1]);
        Collection<ObjectName> names = new ArrayList<>();
        for (int i = 2; i < words.length; i++) names.add(new ObjectName(unhex(words[i])));
        List<String> answers = new ArrayList<>();
        for (ObjectName name : names.isEmpty() ? server.queryNames(null, null) : names)
            answers.add(json(name.getCanonicalName()) + ": " + read(server, name));
        return "{" + String.join(", ", answers) + "}";
    }

    public static void main(String[] args) throws Exception {
        System.out.println("ready");
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        for (String line = in.readLine(); line != null; line = in.readLine())
            System.out.println(answer(line.split(" ")));
    }
}
