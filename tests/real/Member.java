import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.function.BooleanSupplier;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;

/**
 * One member of a group that commits exactly what it is told: BOOTSTRAP GROUP TOPIC CLIENT_ID
 * PROTOCOL. Prints "ready" when partitions are assigned. It reads all there is. "commit PARTITION
 * OFFSET", "await N" (until N partitions are assigned), "read N" (until it has read so many records
 * in all), "take N" (so many more and commit them; it reads no others from then on) and "leave" (the
 * group, and end) are answered by "ok".
 */
public class Member {
  private static long records;

  public static void main(String[] args) throws Exception {
    Properties settings = new Properties();
    settings.put("bootstrap.servers", args[0]);
    settings.put("group.id", args[1]);
    settings.put("client.id", args[3]);
    settings.put("group.protocol", args[4]);
    settings.put("enable.auto.commit", "false");
    settings.put("auto.offset.reset", "earliest");
    settings.put("max.poll.records", "10");
    String bytes = "org.apache.kafka.common.serialization.ByteArrayDeserializer";
    settings.put("key.deserializer", bytes);
    settings.put("value.deserializer", bytes);
    LinkedBlockingQueue<String> commands = new LinkedBlockingQueue<>();
    Thread reading = new Thread(() -> read(commands));
    reading.setDaemon(true);
    reading.start();
    try (KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(settings)) {
      consumer.subscribe(List.of(args[2]));
      // Always polling: others join, and a member that does not poll holds their rebalance up.
      poll(consumer, () -> !consumer.assignment().isEmpty());
      System.out.println("ready");
      while (true) {
        poll(consumer, () -> !commands.isEmpty());
        String[] words = commands.take().split(" ");
        if (words[0].equals("leave")) {
          break;
        } else if (words[0].equals("commit")) {
          TopicPartition partition = new TopicPartition(args[2], Integer.parseInt(words[1]));
          OffsetAndMetadata offset = new OffsetAndMetadata(Long.parseLong(words[2]));
          consumer.commitSync(Map.of(partition, offset));
        } else if (words[0].equals("read")) {
          long wanted = Long.parseLong(words[1]);
          poll(consumer, () -> records >= wanted);
        } else if (words[0].equals("take")) {
          long wanted = records + Long.parseLong(words[1]);
          consumer.resume(consumer.assignment());
          poll(consumer, () -> records >= wanted);
          consumer.pause(consumer.assignment());
          consumer.commitSync();
        } else {
          int wanted = Integer.parseInt(words[1]);
          poll(consumer, () -> consumer.assignment().size() == wanted);
        }
        System.out.println("ok");
      }
    }
    System.out.println("ok");
  }

  private static void poll(KafkaConsumer<byte[], byte[]> consumer, BooleanSupplier done) {
    while (!done.getAsBoolean()) {
      records += consumer.poll(Duration.ofMillis(100)).count();
    }
  }

  private static void read(LinkedBlockingQueue<String> commands) {
    new BufferedReader(new InputStreamReader(System.in)).lines().forEach(commands::add);
    commands.add("leave");
  }
}
